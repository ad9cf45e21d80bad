//! The way through the headers of a frame, one after the other. It keeps what is known so far; each header's module
//! says what comes next.

use super::fragments::Piece;
use super::span::Span;
use super::{
    Family, Fragment, Frame, LinkType, Network, Packet, Rdma, TcpHeader, Tunnel, TunnelKind,
    Undecodable,
};

/// Headers in one frame, labels and extension headers included.
const MAX_HEADERS: u8 = 32;

/// What comes next.
pub(super) enum Step<'a> {
    Link(LinkType, Span<'a>),
    Ethernet(Span<'a>),
    EtherType(u16, Span<'a>),
    /// IEEE 802.2, after a length.
    Llc(Span<'a>),
    /// IP of the version that it says itself.
    Ip(Span<'a>),
    /// What follows the headers of an IP packet that is whole.
    Upper(u8, Span<'a>),
    /// `Walk::piece` is one.
    Fragment,
    Done,
}

/// Why the walk halts.
pub(super) enum Halt {
    Done,
    Fragment,
}

pub(super) struct Walk<'a> {
    pub time_ns: u64,
    pub wire_octets: u32,
    pub vlan: u16,
    pub priority: u8,
    pub tunnel: Option<Tunnel>,
    mirror: Option<Tunnel>,
    pub network: Network,
    /// What the innermost IP header's packet is a part of, if a header around it says so.
    pub part: Fragment,
    /// Of a fragment: octets after its IP headers on the wire, and those of the whole when it has the transport's header.
    pub share: Option<(usize, usize)>,
    /// The packet whose first part this is, and how many tunnels stand around that.
    pub first_of: Option<(u64, u8)>,
    pub tunnels: u8,
    headers: u8,
    /// From the innermost IP header on; empty when that is elsewhere than what follows it.
    pub ip: &'a [u8],
    pub source_port: u16,
    pub destination_port: u16,
    pub tcp: Option<TcpHeader>,
    pub rdma: Option<Rdma<'a>>,
    payload: Span<'a>,
    /// The fragment that the walk came to.
    pub piece: Option<Piece<'a>>,
    /// The UDP packet that a port makes a tunnel, in case there is none in it.
    plain: Option<Packet<'a>>,
}

const NOWHERE: Network = Network {
    family: Family::Ethernet,
    source: [0; 16],
    destination: [0; 16],
    protocol: 0,
    ether_type: 0,
    hops: 0,
    dscp: 0,
    ecn: 0,
    fragment: Fragment::Whole,
};

impl<'a> Walk<'a> {
    pub fn new(frame: &Frame<'a>) -> Self {
        let mut walk = Self {
            time_ns: frame.time_ns,
            wire_octets: frame.wire_octets,
            vlan: 0,
            priority: 0,
            tunnel: None,
            mirror: None,
            network: NOWHERE,
            part: Fragment::Whole,
            share: None,
            first_of: None,
            tunnels: 0,
            headers: 0,
            ip: &[],
            source_port: 0,
            destination_port: 0,
            tcp: None,
            rdma: None,
            payload: Span::new(&[], 0),
            piece: None,
            plain: None,
        };
        if let Some(tag) = frame.stripped_vlan {
            walk.tag(tag);
        }
        walk
    }

    /// Goes on until the frame ends, or to a fragment.
    #[inline]
    pub fn run(&mut self, mut step: Step<'a>) -> Result<Halt, Undecodable> {
        loop {
            self.deeper()?;
            step = match step {
                Step::Ethernet(span) => self.ethernet(span)?,
                Step::EtherType(ether_type, span) => self.ether_type(ether_type, span)?,
                Step::Upper(protocol, span) => self.upper(protocol, span)?,
                Step::Link(link, span) => self.link(link, span)?,
                Step::Llc(span) => self.llc(span)?,
                Step::Ip(span) => self.any_ip(span)?,
                Step::Fragment => return Ok(Halt::Fragment),
                Step::Done => return Ok(Halt::Done),
            };
        }
    }

    /// One header more.
    #[inline]
    pub fn deeper(&mut self) -> Result<(), Undecodable> {
        self.headers += 1;
        if self.headers > MAX_HEADERS {
            return Err(Undecodable::TooDeep);
        }
        Ok(())
    }

    /// A VLAN tag's control information.
    #[inline]
    pub fn tag(&mut self, control: u16) {
        self.vlan = control & 0x0fff;
        self.priority = (control >> 13) as u8;
    }

    /// What the packet carries, and nothing reads on.
    #[inline]
    pub fn carries(&mut self, payload: Span<'a>) -> Step<'a> {
        self.payload = payload;
        Step::Done
    }

    /// What follows is inside a tunnel whose ends are the network header's.
    pub fn through(
        &mut self,
        kind: TunnelKind,
        id: u32,
        egress: Option<bool>,
        sequence: Option<u32>,
    ) {
        let tunnel = Tunnel {
            kind,
            id,
            egress,
            sequence,
            source: self.network.source,
            destination: self.network.destination,
        };
        if kind.mirrors() {
            self.mirror = self.mirror.or(Some(tunnel));
            self.vlan = 0;
            self.priority = 0;
        }
        self.tunnel = Some(tunnel);
        self.tunnels = self.tunnels.saturating_add(1);
        self.network = Network {
            fragment: self.part,
            ..NOWHERE
        };
        self.source_port = 0;
        self.destination_port = 0;
    }

    /// What a port alone makes a tunnel: when nothing in it can be decoded it was the payload of UDP after all.
    pub fn maybe_through(&mut self, kind: TunnelKind, id: u32, payload: Span<'a>) {
        self.payload = payload;
        self.plain = Some(self.packet());
        self.through(kind, id, None, None);
    }

    /// A network header begins. `octets`: from it on, as far as its own length says.
    #[inline]
    pub fn begin_network(&mut self, network: Network, octets: &'a [u8]) {
        self.ip = octets;
        self.network = Network {
            fragment: self.part,
            ..network
        };
    }

    /// The UDP packet that was taken for a tunnel.
    pub fn plain(&self) -> Option<Packet<'a>> {
        self.plain
    }

    #[inline]
    pub fn is_part(&self) -> bool {
        self.part != Fragment::Whole
    }

    #[inline]
    pub fn packet(&self) -> Packet<'a> {
        let mut payload_octets = self.payload.wire;
        if self.network.fragment != Fragment::Whole
            && let Some((share, whole)) = self.share
        {
            let headers = whole.saturating_sub(payload_octets);
            payload_octets = payload_octets.min(share.saturating_sub(headers));
        }
        Packet {
            time_ns: self.time_ns,
            wire_octets: self.wire_octets,
            vlan: self.vlan,
            priority: self.priority,
            tunnel: self.tunnel,
            mirror: self.mirror,
            network: self.network,
            source_port: self.source_port,
            destination_port: self.destination_port,
            tcp: self.tcp,
            rdma: self.rdma,
            payload: self.payload.octets,
            payload_octets: u32::try_from(payload_octets).unwrap_or(u32::MAX),
        }
    }
}
