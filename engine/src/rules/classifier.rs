//! The rules in force, and a flow's way through them.

use crate::flows::record::Classification;

use super::conclusion;
use super::form::Document;
use super::inspection::{FlowFacts, Inspection, MAX_PACKETS};
use super::matching::Asked;
use super::program::Programs;

/// A verdict as good as this ends the inspection.
const CERTAIN: f32 = 0.9;

/// Rules in force. It is shared by all workers and never changes.
#[derive(Debug)]
pub struct Classifier {
    programs: Programs,
}

impl Classifier {
    /// Rules in their normal form (JSON). The error names the rule.
    pub fn from_json(rules: &[u8]) -> Result<Self, String> {
        let document: Document =
            serde_json::from_slice(rules).map_err(|error| format!("rules: {error}"))?;
        Programs::new(document).map(|programs| Self { programs })
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.programs.rules.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.programs.rules.is_empty()
    }

    /// Look at a flow. It is settled at once where there is no rule for what carries it.
    pub fn begin(&self, facts: &FlowFacts) -> Inspection {
        let program = self.programs.number_for(facts);
        Inspection {
            program,
            settled: program.is_none(),
            ..Inspection::default()
        }
    }

    /// Look at a packet's payload, all of which was captured. True when the flow is settled: no more is needed.
    /// `forward`: from the flow's source; `tcp_sequence`: the sequence number of TCP's first octet of payload.
    pub fn inspect(
        &self,
        inspection: &mut Inspection,
        facts: &FlowFacts,
        forward: bool,
        payload: &[u8],
        tcp_sequence: Option<u32>,
    ) -> bool {
        let octets = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.inspect_captured(inspection, facts, forward, payload, octets, tcp_sequence)
    }

    /// As `inspect`, where the payload had `wire_octets` on the wire and the capture cut it.
    pub fn inspect_captured(
        &self,
        inspection: &mut Inspection,
        facts: &FlowFacts,
        forward: bool,
        payload: &[u8],
        wire_octets: u32,
        tcp_sequence: Option<u32>,
    ) -> bool {
        let Some(program) = inspection
            .program
            .and_then(|at| self.programs.programs.get(at))
        else {
            return true;
        };
        if inspection.settled || payload.is_empty() {
            return inspection.settled;
        }
        let asked = Asked {
            programs: &self.programs,
            program,
            facts,
        };
        inspection.packets = inspection.packets.saturating_add(1);
        let [source, destination] = &mut inspection.sides;
        let (side, begins) = match (forward, facts.begins) {
            (true, [begins, _]) => (source, begins),
            (false, [_, begins]) => (destination, begins),
        };
        let before = side.octets().len();
        let grown = match tcp_sequence {
            Some(sequence) => side.segment(payload, wire_octets, sequence, begins),
            None => side.datagram(payload, wire_octets),
        };
        let first = grown && side.messages() == 1;
        if grown {
            let words = program.patterns.words();
            let last = side.messages().saturating_sub(1);
            let anew = std::mem::take(&mut side.began_earlier);
            let seen = if tcp_sequence.is_some() && !anew {
                before
            } else {
                0
            };
            if seen == 0 {
                side.hits.resize(last.saturating_mul(words), 0);
            }
            side.hits
                .resize(last.saturating_add(1).saturating_mul(words), 0);
            let mut hits = std::mem::take(&mut side.hits);
            if let (Some(message), Some(hits)) = (side.message(last), hits.get_mut(last * words..))
            {
                program.patterns.search(message.octets, seen, hits);
            }
            side.hits = hits;
            if anew {
                // What was found in it was found in the middle.
                inspection.matches.clear();
            }
        }
        if grown || !program.patient.is_empty() {
            let later = tcp_sequence.is_none() && !first;
            asked.evaluate(inspection, later);
        }
        inspection.settled = done(&asked, inspection);
        inspection.settled
    }

    /// What the flow is, as far as it was looked at.
    pub fn conclude(&self, inspection: &Inspection, facts: &FlowFacts) -> Classification {
        match inspection
            .program
            .and_then(|at| self.programs.programs.get(at))
        {
            None => Classification::default(),
            Some(program) => {
                let asked = Asked {
                    programs: &self.programs,
                    program,
                    facts,
                };
                conclusion::conclude(&asked, inspection)
            }
        }
    }

    /// What the flow is by what carries it alone, such as RDMA, of which no payload is looked at: rules without tests
    /// of payload match.
    pub fn conclude_unseen(&self, facts: &FlowFacts) -> Classification {
        let mut inspection = self.begin(facts);
        if let Some(program) = inspection
            .program
            .and_then(|at| self.programs.programs.get(at))
        {
            let asked = Asked {
                programs: &self.programs,
                program,
                facts,
            };
            inspection.packets = 1;
            asked.evaluate(&mut inspection, false);
        }
        let found = self.conclude(&inspection, facts);
        Classification {
            packets: 0,
            ..found
        }
    }
}

/// Whether looking on would change nothing that counts.
fn done(asked: &Asked<'_>, inspection: &Inspection) -> bool {
    if inspection.packets >= MAX_PACKETS || inspection.sides.iter().all(|side| side.full()) {
        return true;
    }
    let Some(winner) = asked.winner(inspection) else {
        return false;
    };
    let listen = asked
        .alternative(winner.alternative)
        .map_or(0, |(_, rule)| rule.listen);
    winner.confidence >= CERTAIN
        && inspection.packets >= winner.packets.saturating_add(listen)
        && !asked.may_be_beaten(&winner, inspection)
}
