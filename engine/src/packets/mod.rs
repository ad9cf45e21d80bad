//! From the octets of a frame to what flows are made of: `Decoder::decode` turns a `Frame` into a `Packet`, or says
//! why it cannot (`Undecodable`). `probes/engine/packets/` is the specification.
//!
//! Headers are read from the outside in, and the innermost network header counts:
//!
//! - Ethernet (VLAN tags, MPLS labels, PPPoE, 802.2), PPP, cooked, raw and loopback captures, ERF, InfiniBand.
//! - IP in IP, GRE and ERSPAN are tunnels because the IP protocol says so: what cannot be decoded in them is undecodable.
//! - VXLAN, Geneve, GTP-U and CAPWAP are tunnels by a UDP port, which is a hint: what cannot be decoded in them is UDP.
//!   Teredo, L2TP and what is encrypted (ESP) stay what carries them.
//! - Fragments: see `fragments`.

mod capwap;
mod datagram;
mod erf;
mod ethernet;
mod fragments;
#[cfg(test)]
pub(crate) mod frames;
mod ip;
mod link;
mod packet;
mod parts;
mod rdma;
mod span;
mod transport;
mod tunnel;
mod walk;

use fragments::Fragments;
pub use fragments::{DecoderLimits, FragmentCounts};
pub use packet::{
    Address, Family, Fragment, Frame, LinkType, Network, Packet, Rdma, RdmaLink, TcpHeader, Tunnel,
    TunnelKind, Undecodable,
};
use span::Span;
use walk::{Halt, Step, Walk};

/// Fragmented packets within fragmented packets.
const MAX_FRAGMENTED: usize = 3;

/// Decodes frames. It keeps fragments and nothing else, and allocates for these alone.
pub struct Decoder {
    fragments: Fragments,
    /// Packets that were put together for the frame that is being decoded, outermost first.
    wholes: [Vec<u8>; MAX_FRAGMENTED],
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(DecoderLimits::default())
    }
}

impl Decoder {
    /// One that keeps no more than `limits` say.
    pub fn new(limits: DecoderLimits) -> Self {
        Self {
            fragments: Fragments::new(limits),
            wholes: Default::default(),
        }
    }

    /// What is in a frame.
    #[inline]
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Result<Packet<'a>, Undecodable> {
        let Self { fragments, wholes } = self;
        let mut wholes = wholes.iter_mut();
        let mut walk = Walk::new(frame);
        let mut step = Step::Link(
            frame.link,
            Span::new(
                frame.octets,
                usize::try_from(frame.wire_octets).unwrap_or(usize::MAX),
            ),
        );
        let packet = loop {
            match walk.run(step) {
                Ok(Halt::Done) => break walk.packet(),
                Ok(Halt::Fragment) => {
                    let whole = wholes.next().ok_or(Undecodable::TooDeep)?;
                    let piece = walk.piece.take().ok_or(Undecodable::BadNetworkHeader)?;
                    step = walk.fragment(piece, fragments, whole);
                }
                Err(Undecodable::TooDeep) => return Err(Undecodable::TooDeep),
                Err(reason) => break walk.plain().ok_or(reason)?,
            }
        };
        walk.own(fragments, &packet);
        Ok(packet)
    }

    /// What became of fragmented packets so far.
    pub fn fragments(&self) -> FragmentCounts {
        self.fragments.counts()
    }
}

#[cfg(test)]
mod tests;
