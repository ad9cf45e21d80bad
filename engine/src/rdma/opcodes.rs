//! What the opcode of a base transport header says (InfiniBand specification, table 38).

/// What a packet is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Part of a SEND.
    Send,
    /// Part of an RDMA WRITE.
    Write,
    /// Asks for memory: its answer takes as many sequence numbers as it has packets.
    ReadRequest,
    /// Part of the answer.
    ReadAnswer,
    /// An acknowledgement, negative ones included.
    Acknowledge,
    /// COMPARE SWAP or FETCH ADD.
    Atomic,
    /// The answer to it.
    AtomicAnswer,
    /// FLUSH, ATOMIC WRITE, RESYNC: a request of one packet.
    Other,
    /// Congestion notification.
    Cnp,
    /// No opcode that the specification knows.
    Unknown,
}

/// Where in its message a packet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// It begins one.
    First,
    /// Neither its begin nor its end.
    Middle,
    /// It ends one.
    Last,
    /// It is all of one.
    Only,
    /// It carries no message.
    Outside,
}

/// An extended header that an operation has.
pub const RETH: u8 = 1;
/// An extended header that an operation has.
pub const AETH: u8 = 2;
/// An extended header that an operation has.
pub const ATOMIC: u8 = 4;
/// An extended header that an operation has.
pub const IMMEDIATE: u8 = 8;
/// An extended header that an operation has.
pub const INVALIDATE: u8 = 16;
/// An extended header that an operation has.
pub const FLUSH: u8 = 32;

/// What the lower five bits of an opcode say.
pub const fn form(opcode: u8) -> (Kind, Position, u8) {
    use Position::{First, Last, Middle, Only, Outside};
    match opcode & 0x1f {
        0x00 => (Kind::Send, First, 0),
        0x01 => (Kind::Send, Middle, 0),
        0x02 => (Kind::Send, Last, 0),
        0x03 => (Kind::Send, Last, IMMEDIATE),
        0x04 => (Kind::Send, Only, 0),
        0x05 => (Kind::Send, Only, IMMEDIATE),
        0x06 => (Kind::Write, First, RETH),
        0x07 => (Kind::Write, Middle, 0),
        0x08 => (Kind::Write, Last, 0),
        0x09 => (Kind::Write, Last, IMMEDIATE),
        0x0a => (Kind::Write, Only, RETH),
        0x0b => (Kind::Write, Only, RETH | IMMEDIATE),
        0x0c => (Kind::ReadRequest, Outside, RETH),
        0x0d => (Kind::ReadAnswer, First, AETH),
        0x0e => (Kind::ReadAnswer, Middle, 0),
        0x0f => (Kind::ReadAnswer, Last, AETH),
        0x10 => (Kind::ReadAnswer, Only, AETH),
        0x11 => (Kind::Acknowledge, Outside, AETH),
        0x12 => (Kind::AtomicAnswer, Only, AETH),
        0x13 | 0x14 => (Kind::Atomic, Outside, ATOMIC),
        0x15 => (Kind::Other, Outside, 0),
        0x16 => (Kind::Send, Last, INVALIDATE),
        0x17 => (Kind::Send, Only, INVALIDATE),
        0x1c => (Kind::Other, Outside, FLUSH | RETH),
        0x1d => (Kind::Other, Outside, RETH),
        _ => (Kind::Unknown, Outside, 0),
    }
}
