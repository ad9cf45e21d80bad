//! What is known of one packet.

/// How the octets of a frame begin; numbers are those of pcap (LINKTYPE_*, www.tcpdump.org/linktypes.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: four octets of address family in the byte order of the writer.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with or without its address and control octets.
    pub const PPP: Self = Self(9);
    /// `RAW` by the number that BSD has for it.
    pub const RAW_BSD: Self = Self(12);
    /// `RAW` by the number that OpenBSD has for it.
    pub const RAW_OPENBSD: Self = Self(14);
    /// PPP in HDLC-like framing, or Cisco's own.
    pub const PPP_HDLC: Self = Self(50);
    /// PPPoE, from its own header on.
    pub const PPP_ETHER: Self = Self(51);
    /// An IP packet without anything before it; the version says which.
    pub const RAW: Self = Self(101);
    /// Cisco's HDLC.
    pub const CISCO_HDLC: Self = Self(104);
    /// OpenBSD loopback: the family in network order.
    pub const LOOP: Self = Self(108);
    /// Linux "cooked" capture.
    pub const LINUX_SLL: Self = Self(113);
    /// Per-packet information, which names the link type of what follows.
    pub const PPI: Self = Self(192);
    /// Endace ERF, whose header says what follows; native InfiniBand comes so.
    pub const ERF: Self = Self(197);
    /// IPv4 alone.
    pub const IPV4: Self = Self(228);
    /// IPv6 alone.
    pub const IPV6: Self = Self(229);
    /// InfiniBand, from the local route header on.
    pub const INFINIBAND: Self = Self(247);
    /// Linux "cooked" capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);
}

/// One frame as a capture gives it.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it was seen, in ns since 1970.
    pub time_ns: u64,
    /// Octets that it had on the wire, from the link header on, without the frame check sequence.
    pub wire_octets: u32,
    /// How `octets` begin.
    pub link: LinkType,
    /// What was captured of it.
    pub octets: &'a [u8],
    /// The tag control information of a VLAN tag that the kernel took off before it handed the frame over.
    pub stripped_vlan: Option<u16>,
}

/// What kind of address stands in a `Packet`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Not IP: Ethernet addresses.
    Ethernet,
    /// Four octets.
    V4,
    /// Sixteen octets; a GID of RoCE v1 or InfiniBand with a global route header as well.
    V6,
    /// Native InfiniBand without a global route header: local identifiers.
    Lid,
}

/// An address in 16 octets: IPv4 in the first four, Ethernet in the first six, a LID in the first two; the rest is 0.
pub type Address = [u8; 16];

/// What a tunnel is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum TunnelKind {
    /// None.
    None = 0,
    /// IP in IP (4 in 4, 6 in 4, 4 in 6, 6 in 6).
    Ip = 1,
    /// Generic routing encapsulation; the identifier is its key.
    Gre = 2,
    /// ERSPAN type I, without a header of its own.
    Erspan1 = 3,
    /// ERSPAN type II; the identifier is the session.
    Erspan2 = 4,
    /// ERSPAN type III; the identifier is the session.
    Erspan3 = 5,
    /// VXLAN; the identifier is the network.
    Vxlan = 6,
    /// Geneve; the identifier is the network.
    Geneve = 7,
    /// GTP-U (user packets of mobile networks). Its endpoint identifiers differ each way, so it has none here.
    Gtp = 8,
    /// CAPWAP data (frames of wireless access points), without an identifier.
    Capwap = 9,
}

impl TunnelKind {
    /// Whether this is how switches send mirrored packets, so that what is missing in its sequence is the mirror's loss.
    pub fn mirrors(self) -> bool {
        matches!(
            self,
            Self::Gre | Self::Erspan1 | Self::Erspan2 | Self::Erspan3
        )
    }
}

/// The innermost tunnel around a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// What it is made of.
    pub kind: TunnelKind,
    /// Its session, network or key; 0 when it has none.
    pub id: u32,
    /// Whether an ERSPAN III (or II) header says that the mirrored port sent the frame; None when nothing says so.
    pub egress: Option<bool>,
    /// GRE's sequence number.
    pub sequence: Option<u32>,
    /// The tunnel's own ends: who mirrors, and to whom.
    pub source: Address,
    /// Where the tunnel ends.
    pub destination: Address,
}

/// Which part of a packet this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// All of it.
    Whole,
    /// The last missing part of one that was put together again: ports and payload are those of the whole.
    Reassembled,
    /// The first, which has the ports.
    First,
    /// A later one; the ports are the first one's where that is known, and 0 otherwise.
    Later,
}

/// The network header that counts: the innermost one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Which addresses these are.
    pub family: Family,
    /// The sender.
    pub source: Address,
    /// The receiver.
    pub destination: Address,
    /// IP protocol number after all extension headers of IPv6; 0 for what is not IP. The authentication header is such
    /// an extension in IPv6, and a protocol (51) in IPv4.
    pub protocol: u8,
    /// EtherType of what follows the last VLAN tag or MPLS label; 0 where there is none.
    pub ether_type: u16,
    /// Time to live or hop limit; 0 for what is not IP.
    pub hops: u8,
    /// Differentiated services code point.
    pub dscp: u8,
    /// Explicit congestion notification: 0 not capable, 1 and 2 capable, 3 congestion experienced.
    pub ecn: u8,
    /// Which part of a packet this is.
    pub fragment: Fragment,
}

/// A TCP header's part that flows follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpHeader {
    /// Sequence number of the first octet.
    pub sequence: u32,
    /// Acknowledgement number; means something with the flag ACK alone.
    pub acknowledgement: u32,
    /// FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
    pub flags: u8,
    /// Window as it stands there, unscaled.
    pub window: u16,
}

/// What carries RDMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RdmaLink {
    /// UDP port 4791 (annex A17).
    Rocev2 = 0,
    /// EtherType 0x8915 (annex A16).
    Rocev1 = 1,
    /// InfiniBand itself.
    Infiniband = 2,
}

/// An InfiniBand transport packet.
#[derive(Clone, Copy, Debug)]
pub struct Rdma<'a> {
    /// What carries it.
    pub link: RdmaLink,
    /// From the base transport header to the end of what was captured, the invariant CRC included.
    pub transport: &'a [u8],
    /// Octets from the base transport header to the end of the invariant CRC, as the headers before it say.
    pub wire_octets: u32,
    /// The headers that the invariant CRC covers before `transport`: from the local route header, or from the IP
    /// or global route header on.
    pub covered: &'a [u8],
}

/// One decoded packet. It borrows what was captured.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// When it was seen, in ns since 1970.
    pub time_ns: u64,
    /// Octets that the outermost frame had on the wire.
    pub wire_octets: u32,
    /// The last VLAN tag before the network header, 0 for none: of several tags the inner one. A frame inside an overlay
    /// (VXLAN, GTP) that has no tag is in the VLAN of what carries it; a mirrored one (GRE, ERSPAN) is not.
    pub vlan: u16,
    /// Priority of that VLAN's tag.
    pub priority: u8,
    /// What it came through: the innermost tunnel.
    pub tunnel: Option<Tunnel>,
    /// The outermost tunnel that is one of those in which switches send mirrored packets (`TunnelKind::mirrors`). It is
    /// not `tunnel` when what is mirrored goes through a tunnel itself.
    pub mirror: Option<Tunnel>,
    /// The innermost network header.
    pub network: Network,
    /// Of TCP, UDP, UDP-Lite, SCTP and DCCP; for ICMP its type and code; otherwise 0.
    pub source_port: u16,
    /// The same at the receiver's end; 0 for ICMP.
    pub destination_port: u16,
    /// Set for TCP.
    pub tcp: Option<TcpHeader>,
    /// Set for RDMA, whatever carries it.
    pub rdma: Option<Rdma<'a>>,
    /// What the transport carries, as far as it was captured; for what is not IP, what follows the EtherType. It is the
    /// whole one's when `network.fragment` is `Reassembled`.
    pub payload: &'a [u8],
    /// Octets of payload in this packet on the wire, by the headers' own lengths. Of a fragment its own share, also of
    /// one that is `Reassembled`, so that a flow's sum is right.
    pub payload_octets: u32,
}

/// Why a frame could not be decoded. Each is counted (`Undecodable::reason`), and the frame belongs to no flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Undecodable {
    /// What was captured ends inside a header.
    Truncated,
    /// Nothing here reads this link type.
    UnknownLinkType,
    /// A link header contradicts itself.
    BadLinkHeader,
    /// An IP header contradicts itself: version, header length or total length.
    BadNetworkHeader,
    /// An IP packet is, by its own length, too short for its transport header.
    BadTransportHeader,
    /// A tunnel's header contradicts itself.
    BadTunnelHeader,
    /// More headers within headers than anyone sends.
    TooDeep,
}

impl Undecodable {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Truncated,
        Self::UnknownLinkType,
        Self::BadLinkHeader,
        Self::BadNetworkHeader,
        Self::BadTransportHeader,
        Self::BadTunnelHeader,
        Self::TooDeep,
    ];

    /// The word that a label or a summary has for it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::UnknownLinkType => "unknown-link-type",
            Self::BadLinkHeader => "bad-link-header",
            Self::BadNetworkHeader => "bad-network-header",
            Self::BadTransportHeader => "bad-transport-header",
            Self::BadTunnelHeader => "bad-tunnel-header",
            Self::TooDeep => "too-deep",
        }
    }
}
