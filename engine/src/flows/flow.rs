//! One flow while it goes on.

mod side;
mod telling;

use side::Side;

use super::features::FeatureState;
use super::key::{Key, Opening, opening, source};
use super::mirrors::Mirrors;
use super::pool::{NONE, Pool};
use super::record::EndReason;
use super::settings::MeterSettings;
use super::tcp::{Connection, End};
use super::verdict::Looking;
use crate::packets::{Packet, TunnelKind};
use crate::rules::FlowFacts;

/// A flow; ends (0 and 1) are numbered as in its key, whoever began. It takes six cache lines: a packet of UDP changes
/// three of them, and of the first 16 packets one or two more.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Flow {
    pub(super) key: Key,
    /// The last packet, in this record or the one before.
    last_ns: u64,
    pub(super) connection: u32,
    source: u8,
    /// As a power of two.
    sampling: u8,
    tunnel: TunnelKind,
    flags: u8,
    sides: [Side; 2],
    features: FeatureState,
    pub(super) looking: Looking,
    /// When its end was seen; `NEVER` until then.
    closed_ns: u64,
    tunnel_id: u32,
    ether_type: u16,
    /// Type and code of the first packet.
    icmp: u16,
}

const NEVER: u64 = u64::MAX;
/// The source is known by SYN.
const OPENED: u8 = 1;
/// A record of it was written.
const TOLD: u8 = 2;
/// It is in the table.
const LIVE: u8 = 4;

const _: () = assert!(size_of::<Flow>() == 6 * 64);

/// What a flow is asked to look at with a packet.
pub(super) struct Seen<'a, 'p> {
    pub packet: &'a Packet<'p>,
    /// Which end sent it.
    pub sender: usize,
    /// By which session it was mirrored.
    pub session: u16,
}

impl Flow {
    pub(super) fn begin(key: Key, seen: &Seen<'_, '_>, sampling: u8) -> Self {
        let packet = seen.packet;
        Self {
            key,
            sides: [Side::EMPTY; 2],
            features: FeatureState::default(),
            looking: Looking::Waiting,
            last_ns: packet.time_ns,
            closed_ns: NEVER,
            connection: NONE,
            sampling,
            tunnel_id: packet.tunnel.map_or(0, |tunnel| tunnel.id),
            ether_type: packet.network.ether_type,
            icmp: if key.is_icmp() { packet.source_port } else { 0 },
            tunnel: packet.tunnel.map_or(TunnelKind::None, |tunnel| tunnel.kind),
            source: (source(packet, seen.sender) & 1) as u8,
            flags: LIVE,
        }
    }

    /// Count a packet. True when the end of the flow was seen with it.
    #[inline]
    pub(super) fn observe(
        &mut self,
        seen: &Seen<'_, '_>,
        connections: &mut Pool<Connection>,
        mirrors: &Mirrors,
    ) -> bool {
        let packet = seen.packet;
        if let Some(side) = self.sides.get_mut(seen.sender) {
            side.observe(packet, seen.session, mirrors);
        }
        self.features
            .observe(seen.sender == 0, packet.time_ns, packet.wire_octets);
        self.last_ns = self.last_ns.max(packet.time_ns);
        match &packet.tcp {
            Some(tcp) => {
                if self.turn(seen.sender, tcp.flags) {
                    // Rules were asked the wrong way round.
                    let facts = self.facts(connections);
                    self.looking.again(&facts);
                }
                let Some(connection) = connections.get_mut(self.connection) else {
                    return false;
                };
                connection.observe(seen.sender, tcp, packet.payload_octets, packet.time_ns);
                let ends = self.closed_ns == NEVER && connection.end() != End::Open;
                if ends {
                    self.closed_ns = packet.time_ns.min(NEVER - 1);
                }
                ends
            }
            None => false,
        }
    }

    /// The first SYN says who began, whatever was thought before. True when it was the other end.
    fn turn(&mut self, sender: usize, flags: u8) -> bool {
        if self.flags & OPENED != 0 {
            return false;
        }
        let source = match opening(flags) {
            Some(Opening::Syn) => sender,
            Some(Opening::SynAck) => 1 - sender,
            None => return false,
        };
        self.flags |= OPENED;
        let source = (source & 1) as u8;
        std::mem::replace(&mut self.source, source) != source
    }

    /// Whether a packet opens this connection once more, after it ended.
    pub(super) fn is_opened_again(
        &self,
        seen: &Seen<'_, '_>,
        connections: &Pool<Connection>,
    ) -> bool {
        let Some(tcp) = seen.packet.tcp.as_ref().filter(|_| self.closed_ns != NEVER) else {
            return false;
        };
        opening(tcp.flags) == Some(Opening::Syn)
            && connections
                .get(self.connection)
                .is_some_and(|connection| connection.is_other_opening(seen.sender, tcp))
    }

    /// Whether a record is due, by the first of the timeouts that passed. A time that is further back than the idle
    /// timeout ends a flow like one that is further on.
    #[inline]
    pub(super) fn due(&self, now_ns: u64, settings: &MeterSettings) -> Option<EndReason> {
        let (end_ns, reason) = self.end(settings);
        let set_back = self.last_ns.saturating_sub(now_ns) >= settings.idle_ns;
        if set_back || end_ns.min(self.active_end(settings)) <= now_ns {
            if !set_back && self.active_end(settings) < end_ns {
                return Some(EndReason::Active);
            }
            return Some(reason);
        }
        None
    }

    /// When a record may be due, if nothing comes.
    pub(super) fn next_look(&self, settings: &MeterSettings) -> u64 {
        let active = if self.packets() == 0 {
            // The next record has not begun; no later than that it may be due.
            self.last_ns.saturating_add(settings.active_ns)
        } else {
            self.active_end(settings)
        };
        self.end(settings).0.min(active)
    }

    fn end(&self, settings: &MeterSettings) -> (u64, EndReason) {
        let idle = self.last_ns.saturating_add(settings.idle_ns);
        match settings.linger_ns {
            Some(linger) if self.closed_ns != NEVER => (
                self.closed_ns.saturating_add(linger).min(idle),
                EndReason::EndOfFlow,
            ),
            _ => (idle, EndReason::Idle),
        }
    }

    fn active_end(&self, settings: &MeterSettings) -> u64 {
        if self.packets() == 0 {
            return u64::MAX;
        }
        self.features.first_ns().saturating_add(settings.active_ns)
    }

    /// Packets that are in no record yet.
    pub(super) fn packets(&self) -> u64 {
        let [low, high] = &self.sides;
        low.packets.saturating_add(high.packets)
    }

    /// Whether it never had more than one packet.
    pub(super) fn is_single(&self) -> bool {
        self.flags & TOLD == 0 && self.packets() == 1
    }

    /// It leaves the table.
    pub(super) fn leave(&mut self) {
        self.flags &= !LIVE;
    }

    pub(super) fn is_live(&self) -> bool {
        self.flags & LIVE != 0
    }

    /// As a power of two.
    pub(super) fn sampling_bits(&self) -> u8 {
        self.sampling
    }

    fn sampling(&self) -> u32 {
        1u32.checked_shl(u32::from(self.sampling))
            .unwrap_or(u32::MAX)
    }

    pub(super) fn last_ns(&self) -> u64 {
        self.last_ns
    }

    /// From which end it comes: the source's?
    pub(super) fn is_forward(&self, sender: usize) -> bool {
        usize::from(self.source) == sender
    }

    pub(super) fn facts(&self, connections: &Pool<Connection>) -> FlowFacts {
        let (source, destination) = self.ends();
        let connection = connections.get(self.connection);
        FlowFacts {
            protocol: self.key.protocol(),
            ether_type: self.ether_type,
            source_port: self.source_port(),
            destination_port: self.key.port(destination),
            family: self.key.family(),
            tunnel: self.tunnel,
            rdma: None,
            opened: self.flags & OPENED != 0,
            begins: [source, destination]
                .map(|end| connection.and_then(|connection| connection.begins(end))),
        }
    }

    fn source_port(&self) -> u16 {
        if self.key.is_icmp() {
            self.icmp
        } else {
            self.key.port(self.ends().0)
        }
    }

    fn ends(&self) -> (usize, usize) {
        let source = usize::from(self.source);
        (source, 1 - source)
    }
}
