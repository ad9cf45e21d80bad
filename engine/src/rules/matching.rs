//! Which rules hold of what is known of a flow so far.

use std::cell::RefCell;

use super::bits::{bits, has_bit, keep_bits, set_bit};
use super::form::{Side, Which};
use super::inspection::{FlowFacts, Inspection, Match};
use super::program::{Alternative, Program, Programs, Rule, Test};
use super::sides::SideOctets;

/// What is left of the confidence when the sides had to be swapped.
const SWAPPED: f32 = 0.95;

thread_local! {
    /// Bits of the alternatives that are worth asking.
    static CANDIDATES: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Everything that a question needs.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub programs: &'a Programs,
    pub program: &'a Program,
    pub facts: &'a FlowFacts,
}

impl<'a> Asked<'a> {
    pub fn alternative(&self, index: usize) -> Option<(&'a Alternative, &'a Rule)> {
        let alternative = self.program.alternatives.get(index)?;
        Some((alternative, self.programs.rules.get(alternative.rule)?))
    }

    /// Bring the matches up to what is known now. `later`: nothing but a datagram that is not its side's first is new.
    pub fn evaluate(&self, inspection: &mut Inspection, later: bool) {
        CANDIDATES.with_borrow_mut(|candidates| {
            self.wake(inspection, candidates);
            if later {
                keep_bits(candidates, &self.program.later);
            }
            self.drop_undone(inspection);
            self.pass(inspection, candidates, false);
            if inspection.matches.iter().any(|found| !found.swapped) {
                inspection.matches.retain(|found| !found.swapped);
            } else if !self.facts.opened {
                keep_bits(candidates, &self.program.sided);
                self.pass(inspection, candidates, true);
            }
        });
    }

    /// Look for the patterns of rules that refine what matched. False when there are none.
    pub fn search_refining(&self, inspection: &mut Inspection) -> bool {
        let refined = &self.program.refined;
        let asked_for = |found: &Match| {
            let alternative = self.program.alternatives.get(found.alternative);
            alternative.is_some_and(|alternative| refined.contains(&alternative.rule))
        };
        if refined.is_empty() || !inspection.matches.iter().any(asked_for) {
            return false;
        }
        let patterns = &self.program.patterns;
        for side in &mut inspection.sides {
            let mut hits = std::mem::take(&mut side.hits);
            for (index, hits) in hits.chunks_mut(patterns.words().max(1)).enumerate() {
                if let Some(message) = side.message(index) {
                    patterns.search_refining(message.octets, hits);
                }
            }
            side.hits = hits;
        }
        true
    }

    /// Find the alternatives of which a pattern matched, and those that have none.
    fn wake(&self, inspection: &Inspection, candidates: &mut Vec<u64>) {
        candidates.clear();
        candidates.extend_from_slice(&self.program.always);
        let words = self.program.patterns.words();
        for (place, hits) in inspection
            .sides
            .iter()
            .flat_map(|side| side.hits.iter().enumerate())
        {
            let base = place % words.max(1) * 64;
            for bit in bits(*hits) {
                for index in self.program.triggers.get(base + bit).into_iter().flatten() {
                    set_bit(candidates, *index);
                }
            }
        }
    }

    /// A match stays unless a `not` has come to hold, an `every` no longer does, or what it refines has gone.
    fn drop_undone(&self, inspection: &mut Inspection) {
        let mut matches = std::mem::take(&mut inspection.matches);
        matches.retain(|found| {
            self.alternative(found.alternative)
                .is_some_and(|(alternative, _)| {
                    let every = alternative
                        .tests
                        .iter()
                        .filter(|test| test.which == Which::Every);
                    self.all(every, inspection, found.swapped)
                        && !self.refused(alternative, inspection, found.swapped)
                })
        });
        loop {
            let before = matches.len();
            let kept: Vec<_> = if before < 2 {
                break;
            } else {
                matches
                    .iter()
                    .filter(|found| self.founded(found.alternative, &matches, found.swapped))
                    .copied()
                    .collect()
            };
            if kept.len() == before {
                break;
            }
            matches = kept;
        }
        inspection.matches = matches;
    }

    /// Whether a rule refines nothing, or something that matched.
    fn founded(&self, index: usize, matches: &[Match], swapped: bool) -> bool {
        let Some((_, rule)) = self.alternative(index) else {
            return false;
        };
        rule.refines.is_empty()
            || matches.iter().any(|other| {
                let other_rule = self.program.alternatives.get(other.alternative);
                other.swapped == swapped
                    && other_rule.is_some_and(|other| rule.refines.contains(&other.rule))
            })
    }

    fn pass(&self, inspection: &mut Inspection, candidates: &[u64], swapped: bool) {
        for (place, word) in candidates.iter().enumerate() {
            for bit in bits(*word) {
                let index = place * 64 + bit;
                if let Some(found) = self.ask(index, inspection, swapped) {
                    inspection.matches.push(found);
                }
            }
        }
    }

    fn ask(&self, index: usize, inspection: &Inspection, swapped: bool) -> Option<Match> {
        let (alternative, rule) = self.alternative(index)?;
        let known = |found: &Match| found.alternative == index && found.swapped == swapped;
        if alternative.packets > inspection.packets
            || inspection.matches.iter().any(known)
            || !self.founded(index, &inspection.matches, swapped)
            || !self.all(alternative.tests.iter(), inspection, swapped)
        {
            return None;
        }
        let hinted = rule.hinted(self.facts);
        if alternative.ports_required && !hinted
            || self.refused(alternative, inspection, swapped)
            || !self.fields_fit(alternative.rule, rule, inspection, swapped)
        {
            return None;
        }
        Some(Match {
            alternative: index,
            swapped,
            packets: inspection.packets,
            confidence: confidence(alternative, hinted, swapped),
        })
    }

    fn refused(&self, alternative: &Alternative, inspection: &Inspection, swapped: bool) -> bool {
        let mut groups = alternative.not.iter();
        groups.any(|group| self.all(group.iter(), inspection, swapped))
    }

    fn all<'t>(
        &self,
        mut tests: impl Iterator<Item = &'t Test>,
        inspection: &Inspection,
        swapped: bool,
    ) -> bool {
        tests.all(|test| {
            let mut sides = looked_at(test, inspection, swapped);
            match test.side {
                Side::Both => sides.all(|side| self.shows(test, side).is_some()),
                _ => sides.any(|side| self.shows(test, side).is_some()),
            }
        })
    }

    /// The message of a side of which a test holds.
    pub fn shows(&self, test: &Test, side: &SideOctets) -> Option<usize> {
        let count = match test.which {
            Which::First => side.messages().min(1),
            _ => side.messages(),
        };
        let mut messages = 0..count;
        match test.which {
            Which::Every => {
                (count > 0 && messages.all(|index| self.fits(test, side, index))).then_some(0)
            }
            _ => messages.find(|index| self.fits(test, side, *index)),
        }
    }

    fn fits(&self, test: &Test, side: &SideOctets, index: usize) -> bool {
        let words = self.program.patterns.words();
        let hits = side.hits.get(index * words..).unwrap_or_default();
        if !test.patterns.is_empty() && !test.patterns.iter().any(|bit| has_bit(hits, *bit)) {
            return false;
        }
        if test.checks.is_empty() {
            return true;
        }
        let Some(mut message) = side.message(index) else {
            return false;
        };
        if let Some(within) = test.within {
            message.octets = message.octets.get(..within).unwrap_or(message.octets);
        }
        test.checks.iter().all(|check| check.holds(&message))
    }
}

/// The sides that a test looks at.
pub(super) fn looked_at<'i>(
    test: &Test,
    inspection: &'i Inspection,
    swapped: bool,
) -> impl Iterator<Item = &'i SideOctets> {
    let sides = &inspection.sides;
    let asked = match (test.side, swapped) {
        (Side::Client, false) | (Side::Server, true) => sides.get(..1),
        (Side::Server, false) | (Side::Client, true) => sides.get(1..),
        (Side::Either | Side::Both, _) => Some(sides.as_slice()),
    };
    asked.unwrap_or_default().iter()
}

/// On one of the rule's ports half of the doubt goes; a confidence that needs the port has it counted already.
pub(super) fn confidence(alternative: &Alternative, hinted: bool, swapped: bool) -> f32 {
    let own = alternative.confidence * if swapped { SWAPPED } else { 1.0 };
    if hinted && !alternative.ports_required {
        1.0 - (1.0 - own) / 2.0
    } else {
        own
    }
}
