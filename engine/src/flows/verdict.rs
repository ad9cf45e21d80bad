//! How far a flow's payload was looked at.

use std::sync::Arc;

use super::record::Classification;
use crate::rules::{Classifier, FlowFacts, Inspection};

/// A flow's way through the rules. Rules that were replaced live on with the flows that they began with.
#[derive(Debug, Default)]
pub(super) enum Looking {
    /// No payload has come.
    #[default]
    Waiting,
    /// More payload is wanted.
    Open(Box<Open>),
    /// Nothing would change it.
    Settled(Box<Classification>),
    /// There was no room to look.
    Refused,
}

#[derive(Debug)]
pub(super) struct Open {
    rules: Arc<Classifier>,
    inspection: Inspection,
}

/// One packet's payload.
pub(super) struct Payload<'a> {
    pub forward: bool,
    pub octets: &'a [u8],
    pub wire_octets: u32,
    pub tcp_sequence: Option<u32>,
}

/// How many flows are looked at, and may be.
#[derive(Debug)]
pub(super) struct Room {
    pub open: u32,
    pub most: u32,
}

impl Looking {
    /// Whether payload is wanted.
    #[inline]
    pub(super) fn wants(&self) -> bool {
        matches!(self, Self::Waiting | Self::Open(_))
    }

    /// Look at a packet's payload. False when that is refused for want of room.
    pub(super) fn look(
        &mut self,
        rules: &Arc<Classifier>,
        facts: &FlowFacts,
        payload: &Payload<'_>,
        room: &mut Room,
    ) -> bool {
        if matches!(self, Self::Waiting) {
            if room.open >= room.most {
                *self = Self::Refused;
                return false;
            }
            room.open = room.open.saturating_add(1);
            *self = Self::Open(Box::new(Open {
                rules: Arc::clone(rules),
                inspection: rules.begin(facts),
            }));
        }
        if let Self::Open(open) = self {
            let Open { rules, inspection } = &mut **open;
            let settled = rules.inspect_captured(
                inspection,
                facts,
                payload.forward,
                payload.octets,
                payload.wire_octets,
                payload.tcp_sequence,
            );
            if settled {
                let verdict = rules.conclude(inspection, facts);
                *self = Self::Settled(Box::new(verdict));
                room.open = room.open.saturating_sub(1);
            }
        }
        true
    }

    /// Look once more from the beginning, if there is no verdict yet.
    pub(super) fn again(&mut self, facts: &FlowFacts) {
        if let Self::Open(open) = self {
            open.inspection = open.rules.begin(facts);
        }
    }

    /// What is known. Where no payload was seen, what the rules say of ports and protocol.
    pub(super) fn tell(
        &self,
        rules: Option<&Arc<Classifier>>,
        facts: impl FnOnce() -> FlowFacts,
    ) -> Classification {
        match (self, rules) {
            (Self::Settled(verdict), _) => (**verdict).clone(),
            (Self::Open(open), _) => open.rules.conclude(&open.inspection, &facts()),
            (Self::Waiting, Some(rules)) => {
                let facts = facts();
                rules.conclude(&rules.begin(&facts), &facts)
            }
            _ => Classification::default(),
        }
    }

    /// The flow has ended.
    pub(super) fn close(&mut self, room: &mut Room) {
        if let Self::Open(_) = std::mem::take(self) {
            room.open = room.open.saturating_sub(1);
        }
    }
}
