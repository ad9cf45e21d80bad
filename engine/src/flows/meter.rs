//! From frames to flow records, with books of where every packet went. One meter is one worker's: nothing is shared.

use std::sync::Arc;

use foldhash::quality::RandomState;

use super::books::Books;
use super::keep::{Keep, KeptCounts, Wanted};
use super::outbox::Outbox;
use super::record::{Classification, FlowRecord};
use super::settings::MeterSettings;
use super::table::Table;
use crate::capture::{CaptureError, Source};
use crate::packets::{
    Decoder, DecoderLimits, Family, Frame, Packet, RdmaLink, TunnelKind, Undecodable,
};
use crate::rdma::{ConnectionLimits, Connections};
use crate::rules::{Classifier, FlowFacts};

/// Records of RDMA are fetched that often, on packet time.
const RDMA_TICK_NS: u64 = 1 << 24;
/// How often connections are looked at when time goes on without packets; each looks at a bounded number.
const RDMA_LOOKS: u32 = 64;

/// Reads frames, follows flows and tells what became of them.
pub struct Meter {
    settings: MeterSettings,
    decoder: Decoder,
    flows: Flows,
    connections: Connections,
    rules: Option<Arc<Classifier>>,
    out: Outbox,
    keep: Option<Keep>,
    rdma_tick: u64,
}

type Flows = Table<RandomState>;

impl Meter {
    /// A meter without flows. `rules` say what payload is looked for.
    pub fn new(settings: MeterSettings, rules: Option<Arc<Classifier>>) -> Self {
        Self {
            decoder: Decoder::new(DecoderLimits::default()),
            flows: Table::new(settings.clone(), RandomState::default()),
            connections: Connections::new(ConnectionLimits {
                connections: settings.max_connections as usize,
                check_icrc_every: settings.check_icrc_every,
            }),
            rules,
            out: Outbox::new(settings.max_records),
            keep: (settings.keep_octets > 0).then(|| Keep::new(settings.keep_octets)),
            rdma_tick: 0,
            settings,
        }
    }

    /// Octets that a flow costs while it goes on: the table's, the index's at its fullest, and TCP's beside them. A flow
    /// of more than 16 packets has its features beside that (some 500 octets, and 8 for each bin that is not empty), one
    /// that is looked at what `rules::Inspection` keeps.
    pub const FLOW_OCTETS: (usize, usize) = {
        let (flow, connection) = Flows::OCTETS;
        // An index entry is 8 octets and a control octet, in a table that is 7/16 to 7/8 full.
        (flow + 21, connection)
    };

    /// Count a frame. What cannot be decoded is counted by its reason.
    #[inline]
    pub fn observe(&mut self, frame: &Frame<'_>) {
        let Self {
            decoder,
            flows,
            connections,
            rules,
            out,
            keep,
            ..
        } = self;
        match decoder.decode(frame) {
            Ok(packet) => {
                if let Some(keep) = keep {
                    keep.observe(frame, &packet);
                }
                count(flows, connections, rules.as_ref(), out, &packet);
            }
            Err(reason) => {
                out.books.packets.add(frame.wire_octets);
                out.books.undecodable.add(reason, frame.wire_octets);
            }
        }
        self.follow_rdma(frame.time_ns);
    }

    /// Count a packet that was decoded elsewhere.
    pub fn observe_packet(&mut self, packet: &Packet<'_>) {
        let Self {
            flows,
            connections,
            rules,
            out,
            ..
        } = self;
        count(flows, connections, rules.as_ref(), out, packet);
        self.follow_rdma(packet.time_ns);
    }

    /// Read at most `most` frames; less when the source has no more, or there is no room for records. Returns how many.
    pub fn read(&mut self, source: &mut impl Source, most: u64) -> Result<u64, CaptureError> {
        let mut read = 0;
        while read < most && !self.out.is_full() {
            let Some(frame) = source.next()? else { break };
            self.observe(&frame);
            read += 1;
        }
        Ok(read)
    }

    /// Time goes on without a packet: what is due is told, as long as there is room for records.
    pub fn advance(&mut self, now_ns: u64) {
        self.flows
            .advance(now_ns, self.rules.as_ref(), &mut self.out);
        let (idle_ns, active_ns) = (self.settings.idle_ns, self.settings.active_ns);
        for _ in 0..RDMA_LOOKS {
            self.connections.expire(now_ns, idle_ns, active_ns);
        }
        self.tell_rdma();
    }

    /// Everything left is told with the end reason `Forced`, as long as there is room for records. False when something
    /// is left: take, and call it again.
    pub fn finish(&mut self) -> bool {
        let done = self.flows.finish(self.rules.as_ref(), &mut self.out);
        if done {
            self.connections.finish();
            self.tell_rdma();
        }
        done
    }

    /// The records that were told since this was last asked.
    pub fn take(&mut self) -> Vec<FlowRecord> {
        std::mem::take(&mut self.out.records)
    }

    /// The same as a MessagePack array, which `fabricscope.flow.decode_records` reads.
    pub fn take_packed(&mut self) -> Vec<u8> {
        Self::pack(&self.take())
    }

    /// Records as `take_packed` gives them, for who does not want to keep the meter while they are written.
    pub fn pack(records: &[FlowRecord]) -> Vec<u8> {
        // Writing to memory does not fail, and every field has a form.
        rmp_serde::to_vec(records).unwrap_or_default()
    }

    /// Where all packets went.
    pub fn books(&mut self) -> &Books {
        let books = &mut self.out.books;
        books.flows.now = self.flows.len() as u64;
        books.flows.sampling = self.flows.sampling();
        books.flows.rdma_now = self.connections.len() as u64;
        books.flows.rdma_evicted = self.connections.evicted();
        books.mirrors_unfollowed = books.mirrors.unfollowed;
        books
    }

    /// The packets of these flows that are still kept, as a section of pcapng, and how many they are. Each is given
    /// once. Empty when there are none, or none are kept (`MeterSettings::keep_octets`).
    pub fn save_kept(&mut self, wanted: &[Wanted]) -> (u64, Vec<u8>) {
        let keep = self.keep.as_mut();
        keep.map_or((0, Vec::new()), |keep| keep.save(wanted))
    }

    /// How much is kept.
    pub fn kept(&self) -> KeptCounts {
        self.keep.as_ref().map(Keep::counts).unwrap_or_default()
    }

    /// Take other rules from now on. Flows that were looked at already go on with the rules they began with.
    pub fn set_classifier(&mut self, rules: Arc<Classifier>) {
        self.rules = Some(rules);
    }

    /// A frame moved time on.
    #[inline]
    fn follow_rdma(&mut self, now_ns: u64) {
        let (idle_ns, active_ns) = (self.settings.idle_ns, self.settings.active_ns);
        self.connections.expire(now_ns, idle_ns, active_ns);
        let tick = now_ns / RDMA_TICK_NS;
        if tick != self.rdma_tick {
            self.rdma_tick = tick;
            self.tell_rdma();
        }
    }

    /// The records of RDMA, with what is known here alone. There are no more of them than connections.
    fn tell_rdma(&mut self) {
        for mut record in self.connections.take() {
            let FlowRecord { key, .. } = &record;
            let mirrors = &self.out.books.mirrors;
            record.visibility = mirrors.visibility_of(key.tunnel, key.tunnel_id);
            record.sampling = record.sampling.saturating_mul(self.settings.sampling);
            if let (true, Some(rules)) = (record.classification.label.is_empty(), &self.rules) {
                let facts = rdma_facts(&record);
                let found = rules.conclude_unseen(&facts);
                // What connection management said stays.
                let fields = std::mem::take(&mut record.classification.fields);
                record.classification = Classification { fields, ..found };
            }
            self.out.tell(record);
        }
    }
}

#[inline]
fn count(
    flows: &mut Flows,
    connections: &mut Connections,
    rules: Option<&Arc<Classifier>>,
    out: &mut Outbox,
    packet: &Packet<'_>,
) {
    // Without what a capture puts before the frame.
    out.books.packets.add(packet.wire_octets);
    let session = out.books.mirrors.observe(&packet.mirror);
    let tunnel = packet.tunnel.map_or(TunnelKind::None, |tunnel| tunnel.kind);
    if let Some(count) = out.books.tunnels.get_mut(tunnel as usize) {
        *count = count.saturating_add(1);
    }
    if packet.network.family == Family::Ethernet {
        let ether_type = packet.network.ether_type;
        out.books.ether_types.add(ether_type, packet.wire_octets);
        out.books.pauses.observe(packet);
    }
    let counted = if packet.rdma.is_some() {
        let unreadable = connections.unreadable();
        connections.observe(packet);
        if connections.unreadable() != unreadable {
            let reason = Undecodable::BadTransportHeader;
            out.books.undecodable.add(reason, packet.wire_octets);
            return;
        }
        true
    } else {
        flows.observe(packet, session, rules, out)
    };
    let count = if counted {
        &mut out.books.counted
    } else {
        &mut out.books.not_sampled
    };
    count.add(packet.wire_octets);
}

fn rdma_facts(record: &FlowRecord) -> FlowFacts {
    let link = record.rdma.as_ref().map(|rdma| rdma.link);
    FlowFacts {
        protocol: record.key.protocol,
        ether_type: record.key.ether_type,
        source_port: record.key.source_port,
        destination_port: record.key.destination_port,
        family: match record.key.source.len() {
            4 => Family::V4,
            6 => Family::Ethernet,
            2 => Family::Lid,
            _ => Family::V6,
        },
        tunnel: TUNNELS
            .into_iter()
            .find(|&kind| kind as u8 == record.key.tunnel)
            .unwrap_or(TunnelKind::None),
        rdma: [RdmaLink::Rocev2, RdmaLink::Rocev1, RdmaLink::Infiniband]
            .into_iter()
            .find(|&kind| Some(kind as u8) == link),
        opened: false,
        begins: [None; 2],
    }
}

const TUNNELS: [TunnelKind; 9] = [
    TunnelKind::Ip,
    TunnelKind::Gre,
    TunnelKind::Erspan1,
    TunnelKind::Erspan2,
    TunnelKind::Erspan3,
    TunnelKind::Vxlan,
    TunnelKind::Geneve,
    TunnelKind::Gtp,
    TunnelKind::Capwap,
];

#[cfg(test)]
mod tests;
