//! A connection as a flow record.

use std::mem::swap;

use crate::flows::features::FeatureState;
use crate::flows::record::{
    Classification, EndReason, Features, FlowKey, FlowRecord, Rdma, RdmaWay, Way as PlainWay,
};
use crate::packets::RdmaLink;

use super::connection::Connection;
use super::headers::service;
use super::piece::Unasked;
use super::way::{Counts, Way};

const PORT_ROCE: u16 = 4791;
const UDP: u8 = 17;

impl Connection {
    /// Tells what was seen since the last record, and begins to count anew. None when that was nothing.
    pub fn tell(&mut self, reason: EndReason) -> Option<FlowRecord> {
        if self.packets() == 0 {
            return None;
        }
        if reason != EndReason::Active {
            self.conclude(reason);
        }
        let record = self.record(reason);
        for way in self.ways.iter_mut().flatten() {
            way.counts = Counts::default();
        }
        self.start_ns = 0;
        self.behaviour = FeatureState::default();
        record
    }

    /// What became of numbers that were passed over is not going to be seen any more.
    fn conclude(&mut self, reason: EndReason) {
        // After a while of silence nobody asks for anything any more; a capture may end before it is asked for.
        let over = matches!(reason, EndReason::Idle | EndReason::EndOfFlow);
        let both = self
            .ways
            .iter()
            .flatten()
            .filter(|way| way.counts.packets > 0)
            .count()
            == 2;
        let unasked = if both && !over {
            Unasked::Unknown
        } else {
            Unasked::Unseen
        };
        for way in self.ways.iter_mut().flatten() {
            let tally = &mut way.counts.tally;
            way.requests.close(unasked, self.mtu, tally);
            way.answers.close(Unasked::Unseen, self.mtu, tally);
        }
    }

    fn record(&self, end_reason: EndReason) -> Option<FlowRecord> {
        let first = self.ways[0].as_ref()?;
        let (forward, reverse) = match (self.source, self.ways[1].as_ref()) {
            (Some(1), second) => (second, Some(first)),
            (_, None) if first.answers_only() => (None, Some(first)),
            (_, second) => (Some(first), second),
        };
        let pair = match (forward, reverse) {
            (Some(way), _) => way.key.pair,
            (None, Some(way)) => way.key.pair.reversed(),
            (None, None) => return None,
        };
        let mut features = self.behaviour.finish();
        if forward.is_none_or(|way| !std::ptr::eq(way, first)) {
            // They were taken with the way that was seen first as forward.
            let Features {
                sizes_forward,
                sizes_reverse,
                gaps_forward,
                gaps_reverse,
                ..
            } = &mut features;
            swap(sizes_forward, sizes_reverse);
            swap(gaps_forward, gaps_reverse);
        }
        let rocev2 = pair.link() == RdmaLink::Rocev2;
        Some(FlowRecord {
            key: FlowKey {
                source: pair.source(),
                destination: pair.destination(),
                protocol: if rocev2 { UDP } else { 0 },
                ether_type: self.ether_type,
                source_port: 0,
                destination_port: if rocev2 { PORT_ROCE } else { 0 },
                source_queue_pair: match (first.key.service, reverse) {
                    (service::UD, _) => first.key.source_qp,
                    (_, Some(way)) => way.key.qp,
                    (_, None) => 0,
                },
                destination_queue_pair: forward.map_or(0, |way| way.key.qp),
                vlan: self.vlan,
                tunnel: self.tunnel.map_or(0, |tunnel| tunnel.kind as u8),
                tunnel_id: self.tunnel.map_or(0, |tunnel| tunnel.id),
            },
            start_ns: self.start_ns,
            end_ns: self.last_ns,
            end_reason,
            forward: forward.map_or(PlainWay::default(), Way::plain),
            reverse: reverse.map_or(PlainWay::default(), Way::plain),
            sampling: 1,
            visibility: 1.0,
            tcp: None,
            rdma: Some(Rdma {
                link: pair.link() as u8,
                service: match self.only_notifies() {
                    true => service::CNP,
                    false => first.key.service,
                },
                joined_by: self.joined as u8,
                forward: forward.map_or(RdmaWay::default(), Way::rdma),
                reverse: reverse.map_or(RdmaWay::default(), Way::rdma),
            }),
            features,
            classification: Classification {
                fields: self
                    .facts
                    .as_ref()
                    .map_or(Vec::new(), |facts| facts.fields()),
                ..Classification::default()
            },
        })
    }

    /// Whether there is nothing but congestion notifications.
    fn only_notifies(&self) -> bool {
        self.ways.iter().flatten().all(Way::only_notifies)
    }
}
