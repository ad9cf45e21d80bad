//! What is told of a flow.

use std::sync::Arc;

use super::side::Side;
use super::{Flow, TOLD};
use crate::flows::books::Books;
use crate::flows::pool::Pool;
use crate::flows::record::{Classification, EndReason, Features, FlowKey, FlowRecord};
use crate::flows::tcp::Connection;
use crate::rules::Classifier;

impl Flow {
    /// The record of what was counted since the last one, which begins anew. None when nothing was.
    pub(in crate::flows) fn tell(
        &mut self,
        reason: EndReason,
        connections: &mut Pool<Connection>,
        rules: Option<&Arc<Classifier>>,
        books: &Books,
        sampling: u32,
    ) -> Option<FlowRecord> {
        if self.packets() == 0 {
            return None;
        }
        self.flags |= TOLD;
        let classification = self.classification(connections, rules);
        let features = std::mem::take(&mut self.features);
        let sides = std::mem::replace(&mut self.sides, [Side::EMPTY; 2]);
        let [low, high] = &sides;
        let low_way = low.tell(features.last_ns(true));
        let high_way = high.tell(features.last_ns(false));
        let (forward, reverse, features) = if self.source == 0 {
            (low_way, high_way, features.finish())
        } else {
            (high_way, low_way, turned(features.finish()))
        };
        let tcp = connections.get_mut(self.connection).map(|connection| {
            let told = connection.tell(usize::from(self.source));
            connection.begin_record();
            told
        });
        let starts = [&forward, &reverse]
            .into_iter()
            .filter(|way| way.packets > 0);
        Some(FlowRecord {
            key: self.record_key(),
            start_ns: starts.map(|way| way.first_ns).min().unwrap_or(0),
            end_ns: forward.last_ns.max(reverse.last_ns),
            end_reason: reason,
            forward,
            reverse,
            sampling: self.sampling().saturating_mul(sampling),
            tcp,
            rdma: None,
            features,
            classification,
            visibility: books.mirrors.visibility_since(&[low.mark, high.mark]),
        })
    }

    fn classification(
        &self,
        connections: &Pool<Connection>,
        rules: Option<&Arc<Classifier>>,
    ) -> Classification {
        self.looking.tell(rules, || self.facts(connections))
    }

    fn record_key(&self) -> FlowKey {
        let (source, destination) = self.ends();
        FlowKey {
            source: self.key.address(source),
            destination: self.key.address(destination),
            protocol: self.key.protocol(),
            ether_type: self.ether_type,
            source_port: self.source_port(),
            destination_port: self.key.port(destination),
            source_queue_pair: 0,
            destination_queue_pair: 0,
            vlan: self.key.vlan(),
            tunnel: self.tunnel as u8,
            tunnel_id: self.tunnel_id,
        }
    }
}

/// The same, seen from the other end.
fn turned(mut features: Features) -> Features {
    std::mem::swap(&mut features.sizes_forward, &mut features.sizes_reverse);
    std::mem::swap(&mut features.gaps_forward, &mut features.gaps_reverse);
    features
}
