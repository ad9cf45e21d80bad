//! Messages out of the packets of a stream, some of which were passed over.

use super::gaps::{Behind, Gap, Gaps};
use super::headers::Position;
use super::messages::{Open, Sizes};
use super::piece::Piece;
use super::psn::{MASK, add, ahead};

/// The message that goes on at the end of a stream.
#[derive(Clone, Debug, Default)]
pub struct Assembly {
    open: Option<Open>,
    /// `open` went on behind the newest gap, so that it may be another message than is supposed.
    doubtful: bool,
}

/// What begins with that packet.
fn begun(piece: &Piece) -> Open {
    Open {
        first: piece.psn,
        length: piece.length,
        seen: true,
    }
}

/// A message ended. When its own length says that it had ended before, there were two of them.
fn end(open: Open, last: u32, payload: u32, mtu: u32, sizes: &mut Sizes) {
    if let (Some(length), Some(end)) = (open.length, open.end(mtu))
        && ahead(end, add(last, 1)) > 0
    {
        sizes.add(length);
    }
    sizes.add(open.size(last, payload, mtu));
}

impl Assembly {
    /// Nothing goes on.
    pub fn interrupt(&mut self) {
        *self = Self::default();
    }

    /// No gap is open any more: what is supposed stands.
    pub fn settled(&mut self) {
        self.doubtful = false;
    }

    /// A gap begins: the message that goes on, or is supposed to begin there.
    pub fn pass_over(&mut self, first: u32, behind: Behind) -> Open {
        let message = self.open.unwrap_or(Open::supposed(first));
        if behind == Behind::Inside {
            self.open = Some(message);
            self.doubtful = true;
        }
        message
    }

    /// A packet at the end of the stream.
    #[inline]
    pub fn arrive(&mut self, piece: &Piece, gaps: &mut Gaps, sizes: &mut Sizes) {
        match piece.position(self.open.is_some_and(|open| open.seen)) {
            Position::Middle => {
                match &mut self.open {
                    Some(open) => open.seen = true,
                    None => {
                        self.open = Some(Open {
                            length: None,
                            ..begun(piece)
                        })
                    }
                }
                return;
            }
            Position::First => self.open = Some(begun(piece)),
            Position::Last => {
                let open = self.open.take().unwrap_or(Open::supposed(piece.psn));
                self.last(open, piece, gaps, sizes);
            }
            Position::Only => {
                sizes.add(piece.length.unwrap_or(piece.payload));
                self.open = None;
            }
            Position::Outside => self.open = None,
        }
        self.doubtful = false;
    }

    fn last(&self, open: Open, piece: &Piece, gaps: &mut Gaps, sizes: &mut Sizes) {
        if self.doubtful
            && let Some(gap) = gaps.newest()
            && gap.behind == Behind::Inside
        {
            if open.end(piece.mtu) != Some(add(piece.psn, 1)) {
                gap.behind = Behind::Ended(piece.psn, piece.payload);
                return;
            }
            // Nothing ended in the gap: the length that its begin told fits.
            gap.behind = Behind::Boundary;
            gap.message.seen = false;
        }
        end(open, piece.psn, piece.payload, piece.mtu, sizes);
    }

    /// A packet came that had been passed over. What is left of its gap before and behind it.
    pub fn fill(
        &mut self,
        gap: Gap,
        newest: bool,
        piece: &Piece,
        sizes: &mut Sizes,
    ) -> (Option<Gap>, Option<Gap>) {
        let offset = ahead(gap.first, piece.psn);
        let left = gap.count.saturating_sub(offset);
        // A READ request takes numbers that nothing else will come for.
        let taken = piece.span.clamp(1, left.max(1));
        let mut rest = Gap {
            first: add(piece.psn, taken),
            count: left.saturating_sub(taken),
            ..gap
        };
        let mut before = Gap {
            count: offset,
            behind: Behind::Boundary,
            ..gap
        };
        match piece.position(gap.message.seen) {
            Position::First => rest.message = begun(piece),
            Position::Middle => {
                rest.message.seen = true;
                before.behind = Behind::Inside;
            }
            Position::Last => {
                end(gap.message, piece.psn, piece.payload, piece.mtu, sizes);
                rest.message = Open::supposed(rest.first);
                before.behind = Behind::Inside;
            }
            Position::Only => {
                sizes.add(piece.length.unwrap_or(piece.payload));
                rest.message = Open::supposed(rest.first);
            }
            Position::Outside => rest.message = Open::supposed(rest.first),
        }
        let before = (offset > 0).then_some(before);
        if rest.count > 0 {
            return (before, Some(rest));
        }
        match rest.behind {
            Behind::Inside if newest && self.doubtful => {
                let seen = true;
                self.open = Some(Open {
                    seen,
                    ..rest.message
                });
                self.doubtful = false;
            }
            Behind::Inside | Behind::Boundary => {}
            Behind::Ended(last, payload) => end(rest.message, last, payload, piece.mtu, sizes),
        }
        (before, None)
    }
}

/// Nothing of that gap will come any more: what ended in it or behind it did.
pub fn conclude(gap: &Gap, mtu: u32, sizes: &mut Sizes) {
    match gap.behind {
        Behind::Boundary if gap.message.seen => {
            let last = add(gap.end(), MASK);
            let length = gap.message.length;
            sizes.add(length.unwrap_or_else(|| gap.message.size(last, mtu, mtu)));
        }
        Behind::Boundary | Behind::Inside => {}
        Behind::Ended(last, payload) => end(gap.message, last, payload, mtu, sizes),
    }
}
