//! What a fragment is for the way through a frame: the whole that it completes, the first part, or a later one that is
//! attributed to the first.

use super::fragments::{Added, Fragments, Key, Piece};
use super::span::Span;
use super::walk::{Step, Walk};
use super::{Family, Fragment, Network, Packet, TunnelKind};

impl<'a> Walk<'a> {
    /// The fragment that a network header is about.
    #[cold]
    pub fn comes_in_parts(
        &mut self,
        id: u32,
        offset: usize,
        more: bool,
        protocol: u8,
        span: Span<'a>,
    ) -> Step<'a> {
        let (tunnel, tunnel_id) = self
            .tunnel
            .map_or((TunnelKind::None, 0), |tunnel| (tunnel.kind, tunnel.id));
        self.piece = Some(Piece {
            key: Key {
                family: self.network.family,
                source: self.network.source,
                destination: self.network.destination,
                protocol: match self.network.family {
                    Family::V4 => protocol,
                    _ => 0,
                },
                id,
                vlan: self.vlan,
                tunnel,
                tunnel_id,
            },
            offset,
            more,
            protocol,
            octets: span.octets,
            wire: span.wire,
        });
        Step::Fragment
    }

    /// What becomes of a fragment. `whole` gets the packet that it completes.
    pub fn fragment(
        &mut self,
        piece: Piece<'a>,
        fragments: &mut Fragments,
        whole: &'a mut Vec<u8>,
    ) -> Step<'a> {
        let (added, number) = fragments.add(&piece, self.time_ns, whole);
        let span = Span::new(piece.octets, piece.wire);
        self.share = Some((piece.wire, 0));
        match added {
            Added::Whole(protocol) => {
                if piece.offset == 0 {
                    self.share = Some((piece.wire, whole.len()));
                }
                self.becomes(Fragment::Reassembled);
                self.network.protocol = protocol;
                self.first_of = Some((number, self.tunnels));
                self.ip = &[];
                Step::Upper(protocol, Span::new(whole, whole.len()))
            }
            Added::Part(_) if piece.offset == 0 => {
                self.becomes(Fragment::First);
                self.network.protocol = piece.protocol;
                self.first_of = Some((number, self.tunnels));
                Step::Upper(piece.protocol, span)
            }
            Added::Part(owner) => {
                self.becomes(Fragment::Later);
                self.network.protocol = piece.protocol;
                if let Some(owner) = owner {
                    self.network = Network {
                        fragment: Fragment::Later,
                        ..owner.network
                    };
                    self.source_port = owner.source_port;
                    self.destination_port = owner.destination_port;
                    self.vlan = owner.vlan;
                    self.priority = owner.priority;
                    self.tunnel = owner.tunnel.or(self.tunnel);
                }
                self.carries(span)
            }
        }
    }

    /// Tells the other parts of a fragmented packet whose they are.
    pub fn own(&self, fragments: &mut Fragments, packet: &Packet<'a>) {
        if let Some((number, tunnels)) = self.first_of {
            let inside = self.tunnels > tunnels && packet.tunnel == self.tunnel;
            fragments.own(number, packet, packet.tunnel.filter(|_| inside));
        }
    }

    fn becomes(&mut self, part: Fragment) {
        self.part = part;
        self.network.fragment = part;
    }
}
