//! What streams of sequence numbers are told, and what they count.

use super::headers::Position;
use super::messages::Sizes;

/// What was counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Numbers that the fabric lost.
    pub lost: u64,
    /// Numbers that the mirror lost.
    pub unseen: u64,
    /// Packets that had been seen.
    pub duplicates: u64,
    /// Octets of payload in these.
    pub repeated_octets: u64,
    /// Octets of payload that were seen for the first time.
    pub fresh_octets: u64,
    /// Messages that ended.
    pub sizes: Sizes,
}

/// One packet of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Its number.
    pub psn: u32,
    /// How many numbers it takes: more than one for a READ request.
    pub span: u32,
    /// Where in its message it stands.
    pub position: Position,
    /// A message that goes on is not ended by another's begin: it is an answer, and what is left of it was asked for again.
    pub resumes: bool,
    /// What it says of the message's length.
    pub length: Option<u32>,
    /// Octets of payload.
    pub payload: u32,
    /// Octets of payload in a full packet; 0 while that is not known.
    pub mtu: u32,
    /// When it was seen, ns.
    pub time_ns: u64,
}

impl Piece {
    /// Where in its message it stands, when `goes_on` says whether one has begun.
    #[inline]
    pub fn position(&self, goes_on: bool) -> Position {
        match self.position {
            Position::First if self.resumes && goes_on => Position::Middle,
            Position::Only if self.resumes && goes_on => Position::Last,
            position => position,
        }
    }
}

/// What a packet was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The first with its number.
    Fresh,
    /// The first with its number, which had been passed over.
    Late,
    /// Its number had been seen.
    Duplicate,
    /// Its number is of another connection. Nothing was counted.
    Far,
}

/// What became of numbers that were passed over when nothing more was said of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// The mirror lost them.
    Unseen,
    /// That is not known: the capture ended too soon.
    Unknown,
}
