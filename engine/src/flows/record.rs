//! What is told of a flow when it ends, or goes on past the active timeout. `fabricscope/flow.py` describes each field
//! for those who read records; the order of fields is the wire's, for structures are written as arrays.

use serde::{Deserialize, Serialize};

/// Why a record was written; the numbers are those of IPFIX (flowEndReason, information element 136).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "u8")]
#[repr(u8)]
pub enum EndReason {
    /// Nothing came for the idle timeout.
    Idle = 1,
    /// It goes on; the active timeout has passed.
    Active = 2,
    /// Its end was seen: FIN both ways, RST, or a disconnect of connection management.
    EndOfFlow = 3,
    /// The input or the probe ended.
    Forced = 4,
    /// It made room for others.
    LackOfResources = 5,
}

impl From<EndReason> for u8 {
    fn from(reason: EndReason) -> Self {
        reason as Self
    }
}

/// Both ends of a flow. The source is who began, as far as that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowKey {
    /// 4, 6 or 16 octets by the family (IPv4, Ethernet, IPv6 or GID), 2 for a LID.
    #[serde(with = "serde_bytes")]
    pub source: Vec<u8>,
    /// The same at the other end.
    #[serde(with = "serde_bytes")]
    pub destination: Vec<u8>,
    /// IP protocol; 0 for what is not IP.
    pub protocol: u8,
    /// EtherType.
    pub ether_type: u16,
    /// Port, or type and code of ICMP; 0 for RDMA, whose source ports say nothing.
    pub source_port: u16,
    /// Port; 4791 for RoCE v2.
    pub destination_port: u16,
    /// RDMA: the queue pair at the source, 0 when it is not known.
    pub source_queue_pair: u32,
    /// RDMA: the queue pair at the destination.
    pub destination_queue_pair: u32,
    /// VLAN, 0 for none.
    pub vlan: u16,
    /// `TunnelKind` as a number.
    pub tunnel: u8,
    /// The tunnel's session, network or key.
    pub tunnel_id: u32,
}

/// One way of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Way {
    /// Packets.
    pub packets: u64,
    /// Octets on the wire, of whole frames.
    pub octets: u64,
    /// Octets of the transport's payload.
    pub payload_octets: u64,
    /// First packet, ns since 1970; 0 for none.
    pub first_ns: u64,
    /// Last packet.
    pub last_ns: u64,
    /// Packets of an ECN capable transport (ECT(0), ECT(1) or CE).
    pub ecn_capable: u64,
    /// Packets marked congestion experienced.
    pub ecn_marked: u64,
    /// Packets that were fragments.
    pub fragments: u64,
    /// Code point of the first packet.
    pub dscp: u8,
    /// All TCP flags seen.
    pub tcp_flags: u8,
}

/// Times of one kind, in ns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Times {
    /// How many were taken.
    pub count: u64,
    /// The shortest.
    pub min_ns: u64,
    /// Their sum.
    pub sum_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

/// One way of a TCP connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TcpWay {
    /// Segments that were sent again.
    pub retransmissions: u64,
    /// Octets of payload in these.
    pub retransmitted_octets: u64,
    /// Segments that came after later ones without having been seen before.
    pub out_of_order: u64,
    /// Segments that closed the window.
    pub zero_windows: u64,
    /// Acknowledgements that repeat the last one.
    pub duplicate_acknowledgements: u64,
    /// Segments with RST.
    pub resets: u64,
    /// From data of this way to the acknowledgement of it, as seen from where packets are mirrored.
    pub round_trips: Times,
}

/// A TCP connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tcp {
    /// From SYN to the acknowledgement of the SYN+ACK; 0 when the handshake was not seen.
    pub handshake_ns: u64,
    /// Towards the destination.
    pub forward: TcpWay,
    /// Towards the source.
    pub reverse: TcpWay,
}

/// One way of a connection between queue pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RdmaWay {
    /// Packets by opcode of the base transport header, ascending.
    pub opcodes: Vec<(u8, u64)>,
    /// Messages that ended (LAST or ONLY), requests and their answers alike.
    pub messages: u64,
    /// Octets in them.
    pub message_octets: u64,
    /// The smallest.
    pub message_min: u64,
    /// The largest.
    pub message_max: u64,
    /// Their sizes by powers of two: the nth number counts sizes of n bits.
    pub message_sizes: Vec<u64>,
    /// Packet sequence numbers that the fabric lost: not seen, and asked for again or timed out; or seen here, and refused
    /// with a PSN sequence error, which names the first one only. Of UC all that were not seen.
    pub lost: u64,
    /// Not seen, and acknowledged nevertheless: the mirror lost them.
    pub unseen: u64,
    /// Packets whose sequence number had been seen.
    pub duplicates: u64,
    /// Octets of payload that were sent again (go-back-N waste).
    pub repeated_octets: u64,
    /// Octets of payload that were sent for the first time (goodput).
    pub fresh_octets: u64,
    /// Negative acknowledgements by syndrome code (0 PSN sequence error, 1 invalid request, 2 remote access,
    /// 3 remote operation, 4 invalid RD request), ascending.
    pub naks: Vec<(u8, u64)>,
    /// Receiver-not-ready acknowledgements.
    pub rnr_naks: u64,
    /// Congestion notification packets.
    pub cnps: u64,
    /// Packets whose invariant CRC was checked.
    pub icrc_checked: u64,
    /// Those where it was wrong.
    pub icrc_wrong: u64,
}

/// A connection between queue pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rdma {
    /// `RdmaLink` as a number: RoCE v2, RoCE v1, InfiniBand.
    pub link: u8,
    /// Transport service: the upper three bits of the opcode (0 RC, 1 UC, 2 RD, 3 UD, 4 CNP, 5 XRC).
    pub service: u8,
    /// How both ways were found to be one connection: 0 not at all, 1 by sequence numbers, 2 by connection management.
    pub joined_by: u8,
    /// Towards the destination.
    pub forward: RdmaWay,
    /// Towards the source.
    pub reverse: RdmaWay,
}

/// How a flow behaves.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Features {
    /// Packets by wire size, forward: the nth number counts sizes of n bits (0 to 15).
    pub sizes_forward: Vec<u32>,
    /// The same, reverse.
    pub sizes_reverse: Vec<u32>,
    /// Times between packets, forward, by bits of their length in microseconds (0 to 31).
    pub gaps_forward: Vec<u32>,
    /// The same, reverse.
    pub gaps_reverse: Vec<u32>,
    /// Runs of packets, either way, with less than 1 ms between two of them.
    pub bursts: u32,
    /// Octets of the largest.
    pub burst_octets: u64,
    /// Time inside such runs, in ns: over the flow's duration it is the duty cycle.
    pub busy_ns: u64,
    /// Width of `bins`, a power of two times 10 ms; 0 when the flow was too small for a series.
    pub bin_ns: u64,
    /// Octets, both ways, in each bin from the first packet on.
    pub bins: Vec<u32>,
    /// The period that was found in the bins, in ns; 0 for none.
    pub period_ns: u64,
    /// How much of the series repeats so, 0 to 1 (autocorrelation at the period).
    pub period_strength: f32,
}

/// What the payload says.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Classification {
    /// The application, such as `tls`; empty when nothing matched.
    pub label: String,
    /// The rule that said so.
    pub rule: String,
    /// 0 to 1.
    pub confidence: f32,
    /// What it was seen by, in words with hexadecimal octets.
    pub evidence: Vec<String>,
    /// Packets with payload that were looked at.
    pub packets: u32,
    /// Other labels that fit, with their confidence, best first.
    pub alternatives: Vec<(String, f32)>,
    /// What was read out of the payload, by name: `sni`, `alpn`, `ja4`, `host`, ...
    pub fields: Vec<(String, String)>,
}

/// One flow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlowRecord {
    /// Who with whom.
    pub key: FlowKey,
    /// First packet, ns since 1970.
    pub start_ns: u64,
    /// Last packet.
    pub end_ns: u64,
    /// Why it is told now.
    pub end_reason: EndReason,
    /// Towards the destination.
    pub forward: Way,
    /// Towards the source.
    pub reverse: Way,
    /// 1 when every packet was looked at; N when one of N was, by the source or since a flood sampled the beginning flows.
    pub sampling: u32,
    /// Set for TCP.
    pub tcp: Option<Tcp>,
    /// Set for RDMA.
    pub rdma: Option<Rdma>,
    /// How it behaves.
    pub features: Features,
    /// What its payload says.
    pub classification: Classification,
    /// Which part of what the mirror sent while the flow went on came here, 0 to 1, by gaps in the mirror's own sequence
    /// numbers; 1 where it has none. Counts of a record are that part of the truth.
    pub visibility: f32,
}
