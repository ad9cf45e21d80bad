//! What other parts of the engine do for a meter. PLACEHOLDER: each becomes a `pub use` when that part is there:
//!
//! ```text
//! pub use crate::capture::{CaptureError, Source};
//! pub use crate::packets::{Decoder, DecoderLimits};
//! pub use crate::rdma::{ConnectionLimits, Connections};
//! pub use crate::rules::{Classifier, FlowFacts, Inspection};
//! ```

use super::record::{Classification, FlowRecord};
use crate::packets::{
    Address, Family, Fragment, Frame, LinkType, Network, Packet, RdmaLink, TcpHeader, TunnelKind,
    Undecodable,
};

/// Where frames come from.
pub trait Source {
    /// The next frame; None at the end, or when nothing is there yet.
    fn next(&mut self) -> Result<Option<Frame<'_>>, CaptureError>;
}

/// Why no more frames come.
#[derive(Debug)]
pub struct CaptureError(pub String);

impl std::fmt::Display for CaptureError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Bounds of a decoder.
#[derive(Clone, Debug, Default)]
pub struct DecoderLimits;

/// Ethernet, IPv4, UDP and TCP alone.
#[derive(Debug)]
pub struct Decoder;

impl Decoder {
    /// A decoder.
    pub fn new(_limits: DecoderLimits) -> Self {
        Self
    }

    /// Decode a frame.
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Result<Packet<'a>, Undecodable> {
        if frame.link != LinkType::ETHERNET {
            return Err(Undecodable::UnknownLinkType);
        }
        decode(frame).ok_or(Undecodable::Truncated)
    }
}

fn decode<'a>(frame: &Frame<'a>) -> Option<Packet<'a>> {
    let (ethernet, rest) = frame.octets.split_first_chunk::<14>()?;
    let ether_type = u16::from_be_bytes([ethernet[12], ethernet[13]]);
    let mut packet = Packet {
        time_ns: frame.time_ns,
        wire_octets: frame.wire_octets,
        vlan: 0,
        priority: 0,
        tunnel: None,
        mirror: None,
        network: Network {
            family: Family::Ethernet,
            source: address(ethernet.get(6..12)?),
            destination: address(ethernet.get(..6)?),
            protocol: 0,
            ether_type,
            hops: 0,
            dscp: 0,
            ecn: 0,
            fragment: Fragment::Whole,
        },
        source_port: 0,
        destination_port: 0,
        tcp: None,
        rdma: None,
        payload: rest,
        payload_octets: frame.wire_octets.saturating_sub(14),
    };
    if ether_type != 0x0800 {
        return Some(packet);
    }
    let (ip, rest) = rest.split_first_chunk::<20>()?;
    packet.network.family = Family::V4;
    packet.network.protocol = ip[9];
    packet.network.dscp = ip[1] >> 2;
    packet.network.ecn = ip[1] & 3;
    packet.network.source = address(ip.get(12..16)?);
    packet.network.destination = address(ip.get(16..20)?);
    let ports = rest.first_chunk::<4>()?;
    packet.source_port = u16::from_be_bytes([ports[0], ports[1]]);
    packet.destination_port = u16::from_be_bytes([ports[2], ports[3]]);
    let header = if ip[9] == 6 {
        let tcp = rest.first_chunk::<20>()?;
        packet.tcp = Some(TcpHeader {
            sequence: u32::from_be_bytes(*rest.get(4..)?.first_chunk()?),
            acknowledgement: u32::from_be_bytes(*rest.get(8..)?.first_chunk()?),
            flags: tcp[13],
            window: u16::from_be_bytes([tcp[14], tcp[15]]),
        });
        20
    } else {
        8
    };
    packet.payload = rest.get(header..)?;
    packet.payload_octets =
        u32::from(u16::from_be_bytes([ip[2], ip[3]])).saturating_sub(20 + header as u32);
    Some(packet)
}

fn address(octets: &[u8]) -> Address {
    let mut address = [0; 16];
    for (to, from) in address.iter_mut().zip(octets) {
        *to = *from;
    }
    address
}

/// Bounds of RDMA's connections.
#[derive(Clone, Debug, Default)]
pub struct ConnectionLimits;

/// RDMA's connections.
#[derive(Debug)]
pub struct Connections;

impl Connections {
    /// None yet.
    pub fn new(_limits: ConnectionLimits) -> Self {
        Self
    }

    /// A packet of one.
    pub fn observe(&mut self, _packet: &Packet<'_>) {}

    /// Look for what has ended.
    pub fn expire(&mut self, _now_ns: u64, _idle_ns: u64, _active_ns: u64) {}

    /// All of them end.
    pub fn finish(&mut self) {}

    /// What was told.
    pub fn take(&mut self) -> Vec<FlowRecord> {
        Vec::new()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        true
    }

    /// How many made room for others.
    pub fn evicted(&self) -> u64 {
        0
    }
}

/// What rules are asked with.
#[derive(Clone, Copy, Debug)]
pub struct FlowFacts {
    /// IP protocol.
    pub protocol: u8,
    /// EtherType.
    pub ether_type: u16,
    /// The source's port.
    pub source_port: u16,
    /// The destination's port.
    pub destination_port: u16,
    /// Which addresses.
    pub family: Family,
    /// What it came through.
    pub tunnel: TunnelKind,
    /// Set for RDMA.
    pub rdma: Option<RdmaLink>,
    /// Whether the source's SYN was seen.
    pub opened: bool,
    /// Where TCP's payload begins.
    pub begins: [Option<u32>; 2],
}

/// What is kept of a flow that is looked at.
#[derive(Clone, Debug, Default)]
pub struct Inspection {
    packets: u32,
    first: Vec<u8>,
}

/// The label is the first payload, settled after two.
#[derive(Debug, Default)]
pub struct Classifier(String);

impl Classifier {
    /// Any text.
    pub fn from_json(rules: &[u8]) -> Result<Self, String> {
        String::from_utf8(rules.to_vec())
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// Look at a flow.
    pub fn begin(&self, _facts: &FlowFacts) -> Inspection {
        Inspection::default()
    }

    /// Look at payload.
    pub fn inspect_captured(
        &self,
        inspection: &mut Inspection,
        _facts: &FlowFacts,
        forward: bool,
        payload: &[u8],
        _wire_octets: u32,
        _tcp_sequence: Option<u32>,
    ) -> bool {
        inspection.packets = inspection.packets.saturating_add(1);
        if forward && inspection.first.is_empty() {
            inspection.first = payload.iter().copied().take(16).collect();
        }
        inspection.packets >= 2
    }

    /// What it is.
    pub fn conclude(&self, inspection: &Inspection, _facts: &FlowFacts) -> Classification {
        Classification {
            label: String::from_utf8_lossy(&inspection.first).into_owned(),
            rule: self.0.clone(),
            packets: inspection.packets,
            ..Classification::default()
        }
    }
}
