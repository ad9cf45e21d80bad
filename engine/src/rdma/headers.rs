//! The InfiniBand transport headers (InfiniBand specification, volume 1, chapter 9): base transport header and the
//! extended headers that its opcode says follow.

use super::extended::{Aeth, Reth, Syndrome, number, number24};
use super::opcodes::{AETH, ATOMIC, FLUSH, IMMEDIATE, INVALIDATE, RETH, form};
pub use super::opcodes::{Kind, Position};
use super::psn::add;

/// Octets of a base transport header.
pub const BASE: u32 = 12;
/// Octets of the invariant CRC.
pub const ICRC: u32 = 4;
/// The opcode of a congestion notification packet (annex A17).
pub const CNP: u8 = 0x81;
/// The queue pair of connection management.
pub const MANAGEMENT_QP: u32 = 1;

/// The transport service: the upper three bits of an opcode.
pub mod service {
    /// Reliable connection.
    pub const RC: u8 = 0;
    /// Unreliable connection.
    pub const UC: u8 = 1;
    /// Reliable datagram.
    pub const RD: u8 = 2;
    /// Unreliable datagram.
    pub const UD: u8 = 3;
    /// Congestion notification.
    pub const CNP: u8 = 4;
    /// Extended reliable connection.
    pub const XRC: u8 = 5;
}

/// The headers of one packet. An extended header that was not captured is None.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers {
    /// Service and operation.
    pub opcode: u8,
    /// What it is there for.
    pub kind: Kind,
    /// Where in its message it stands.
    pub position: Position,
    /// The receiver is to raise an event.
    pub solicited: bool,
    /// Migration state.
    pub migrated: bool,
    /// Octets, 0 to 3, that fill the payload up to four.
    pub pad: u8,
    /// Partition key.
    pub partition: u16,
    /// Forward congestion: InfiniBand's mark.
    pub fecn: bool,
    /// Backward congestion.
    pub becn: bool,
    /// Where it goes.
    pub destination_qp: u32,
    /// The sender asks for an acknowledgement.
    pub acknowledge: bool,
    /// Packet sequence number.
    pub psn: u32,
    /// Of WRITE FIRST and ONLY, and of READ requests.
    pub reth: Option<Reth>,
    /// Of acknowledgements and of READ answers, except in their middle.
    pub aeth: Option<Aeth>,
    /// Immediate data.
    pub immediate: Option<u32>,
    /// The sender's queue pair, of UD and RD.
    pub source_qp: Option<u32>,
    /// The end-to-end context of RD, or the shared receive queue of XRC.
    pub context: Option<u32>,
    /// Where the payload begins, in octets from the base transport header on.
    pub payload_at: u32,
    /// Octets of payload on the wire. An ATOMIC answer has 8.
    pub payload: u32,
}

impl Headers {
    /// Reads them. `wire_octets` is how long the packet was from here to the end of its invariant CRC, of which less may
    /// have been captured. None when not even the base transport header is there.
    #[inline]
    pub fn parse(octets: &[u8], wire_octets: u32) -> Option<Self> {
        let base = octets.first_chunk::<12>()?;
        let [
            opcode,
            bits,
            p0,
            p1,
            congestion,
            q0,
            q1,
            q2,
            request,
            n0,
            n1,
            n2,
        ] = *base;
        let (kind, position, extensions) = form(opcode);
        let mut headers = Self {
            opcode,
            kind,
            position,
            solicited: bits & 0x80 != 0,
            migrated: bits & 0x40 != 0,
            pad: bits >> 4 & 3,
            partition: u16::from_be_bytes([p0, p1]),
            fecn: congestion & 0x80 != 0,
            becn: congestion & 0x40 != 0,
            destination_qp: u32::from_be_bytes([0, q0, q1, q2]),
            acknowledge: request & 0x80 != 0,
            psn: u32::from_be_bytes([0, n0, n1, n2]),
            reth: None,
            aeth: None,
            immediate: None,
            source_qp: None,
            context: None,
            payload_at: BASE,
            payload: 0,
        };
        let extensions = headers.service_header(octets, extensions);
        headers.extended(octets, extensions);
        headers.payload =
            wire_octets.saturating_sub(headers.payload_at + u32::from(headers.pad) + ICRC);
        Some(headers)
    }

    /// Upper three bits of the opcode.
    pub fn service(&self) -> u8 {
        self.opcode >> 5
    }

    /// Whether this belongs to the sequence numbers of its sender's requests.
    pub fn is_request(&self) -> bool {
        matches!(
            self.kind,
            Kind::Send | Kind::Write | Kind::ReadRequest | Kind::Atomic | Kind::Other
        )
    }

    /// Whether this answers a request, and so has one of the other end's sequence numbers.
    pub fn is_answer(&self) -> bool {
        matches!(
            self.kind,
            Kind::ReadAnswer | Kind::AtomicAnswer | Kind::Acknowledge
        )
    }

    /// Of an answer: the number behind everything that it acknowledges.
    pub fn acknowledged(&self) -> u32 {
        match self.aeth {
            Some(aeth) if aeth.syndrome != Syndrome::Positive => self.psn,
            _ => add(self.psn, 1),
        }
    }

    /// Reads what the service puts before the operation's own headers, and says which of those there are.
    fn service_header(&mut self, octets: &[u8], extensions: u8) -> u8 {
        match self.service() {
            service::RC => extensions,
            service::UC => {
                if !matches!(self.kind, Kind::Send | Kind::Write) {
                    self.unknown();
                }
                extensions
            }
            service::RD => {
                self.context = number24(octets, self.payload_at);
                self.payload_at += 4;
                if self.is_request() {
                    self.datagram(octets);
                }
                extensions
            }
            service::UD => {
                if self.kind != Kind::Send || self.position != Position::Only {
                    self.unknown();
                }
                self.datagram(octets);
                extensions
            }
            service::XRC => {
                if self.is_request() {
                    self.context = number24(octets, self.payload_at);
                    self.payload_at += 4;
                }
                extensions
            }
            _ => {
                self.unknown();
                if self.opcode == CNP {
                    self.kind = Kind::Cnp;
                    self.payload_at += 16;
                }
                0
            }
        }
    }

    fn unknown(&mut self) {
        self.kind = Kind::Unknown;
        self.position = Position::Outside;
    }

    fn datagram(&mut self, octets: &[u8]) {
        self.source_qp = number24(octets, self.payload_at + 4);
        self.payload_at += 8;
    }

    fn extended(&mut self, octets: &[u8], extensions: u8) {
        if extensions == 0 || self.kind == Kind::Unknown {
            return;
        }
        if extensions & FLUSH != 0 {
            self.payload_at += 4;
        }
        if extensions & RETH != 0 {
            self.reth = number::<16>(octets, self.payload_at).map(Reth::from);
            self.payload_at += 16;
        }
        if extensions & ATOMIC != 0 {
            self.payload_at += 28;
        }
        if extensions & AETH != 0 {
            self.aeth = number::<4>(octets, self.payload_at).map(Aeth::from);
            self.payload_at += 4;
        }
        if extensions & IMMEDIATE != 0 {
            self.immediate = number::<4>(octets, self.payload_at).map(u32::from_be_bytes);
            self.payload_at += 4;
        }
        if extensions & INVALIDATE != 0 {
            self.payload_at += 4;
        }
    }
}

#[cfg(test)]
mod tests;
