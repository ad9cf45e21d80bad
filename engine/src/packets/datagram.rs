//! An IP packet that comes in fragments: which parts of it are there.

use super::fragments::{Key, Owner, Piece};

/// Parts of one packet; 64 KiB in an MTU of 576 have 119.
const MAX_PIECES: usize = 128;

/// One of them.
pub(super) struct Datagram {
    pub key: Key,
    pub began_ns: u64,
    /// Whether parts are still collected.
    pub open: bool,
    pub protocol: u8,
    pub owner: Option<Owner>,
    /// Parts in the order in which they came: (where they belong, octets).
    pieces: Vec<(usize, usize)>,
    pub buffer: Vec<u8>,
    /// Octets of the whole, once its last part came.
    end: Option<usize>,
}

/// What a part is to its packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Part,
    Whole,
    Unusable,
}

impl Datagram {
    /// One that begins with `piece`, which is not taken in yet.
    pub fn new(piece: &Piece<'_>, now_ns: u64) -> Self {
        Self {
            key: piece.key,
            began_ns: now_ns,
            open: true,
            protocol: piece.protocol,
            owner: None,
            pieces: Vec::new(),
            buffer: Vec::new(),
            end: None,
        }
    }

    pub fn take(&mut self, piece: &Piece<'_>, most: usize) -> Fit {
        let octets = piece.octets.len();
        let after = piece.offset.saturating_add(octets);
        let cut = octets < piece.wire;
        // All but the last are made of units of eight octets.
        let ragged = piece.more && (octets == 0 || octets % 8 != 0);
        if cut || ragged || after > most || self.pieces.len() >= MAX_PIECES {
            return Fit::Unusable;
        }
        if self.pieces.contains(&(piece.offset, octets)) {
            return Fit::Part;
        }
        let mut reach = after;
        for &(offset, octets) in &self.pieces {
            let end = offset.saturating_add(octets);
            if offset < after && piece.offset < end {
                return Fit::Unusable;
            }
            reach = reach.max(end);
        }
        if !piece.more {
            if self.end.is_some() {
                return Fit::Unusable;
            }
            self.end = Some(after);
        }
        if self.end.is_some_and(|end| reach > end) {
            return Fit::Unusable;
        }
        if piece.offset == 0 {
            self.protocol = piece.protocol;
        }
        self.pieces.push((piece.offset, octets));
        self.buffer.extend_from_slice(piece.octets);
        // Without overlap they leave no hole when they are as long as the whole.
        if self.end == Some(self.buffer.len()) {
            Fit::Whole
        } else {
            Fit::Part
        }
    }

    pub fn assemble(&mut self, whole: &mut Vec<u8>) {
        whole.clear();
        if self.pieces.is_sorted() {
            std::mem::swap(whole, &mut self.buffer);
            return;
        }
        whole.resize(self.buffer.len(), 0);
        let mut rest = self.buffer.as_slice();
        for &(offset, octets) in &self.pieces {
            let Some((part, after)) = rest.split_at_checked(octets) else {
                return;
            };
            if let Some(place) = whole.get_mut(offset..).and_then(|to| to.get_mut(..octets)) {
                place.copy_from_slice(part);
            }
            rest = after;
        }
    }

    pub fn close(&mut self) {
        self.open = false;
        self.pieces = Vec::new();
        self.buffer = Vec::new();
    }
}
