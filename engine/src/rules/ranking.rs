//! Which of the rules that matched wins.

use std::cmp::Ordering;

use super::inspection::{Inspection, Match};
use super::matching::{Asked, confidence};

impl Asked<'_> {
    /// The best match that no other one refines.
    pub fn winner(&self, inspection: &Inspection) -> Option<Match> {
        let matches = &inspection.matches;
        let leaves = matches
            .iter()
            .filter(|found| !self.is_refined(found, matches));
        leaves.copied().min_by(|a, b| self.compare(a, b, matches))
    }

    /// Whether another match refines this one.
    pub fn is_refined(&self, found: &Match, matches: &[Match]) -> bool {
        let Some(alternative) = self.program.alternatives.get(found.alternative) else {
            return false;
        };
        matches.iter().any(|other| {
            self.alternative(other.alternative)
                .is_some_and(|(_, rule)| rule.ancestors.contains(&alternative.rule))
        })
    }

    /// The better one first: by confidence, then ports, then name.
    pub fn compare(&self, a: &Match, b: &Match, matches: &[Match]) -> Ordering {
        let key = |found: &Match| {
            let rule = self.alternative(found.alternative).map(|(_, rule)| rule);
            let hinted = rule.is_some_and(|rule| rule.hinted(self.facts));
            (
                self.standing(found, matches),
                hinted,
                rule.map_or("", |rule| rule.name.as_str()),
            )
        };
        let (a, b) = (key(a), key(b));
        b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(b.2))
    }

    /// A match stands as high as what it refines, if that is higher.
    fn standing(&self, found: &Match, matches: &[Match]) -> f32 {
        let Some((_, rule)) = self.alternative(found.alternative) else {
            return 0.0;
        };
        let refined = matches.iter().filter(|other| {
            let alternative = self.program.alternatives.get(other.alternative);
            alternative.is_some_and(|alternative| rule.ancestors.contains(&alternative.rule))
        });
        refined.fold(found.confidence, |best, other| best.max(other.confidence))
    }

    /// Whether an alternative that needs more packets might beat this confidence.
    pub fn may_be_beaten(&self, found: &Match, inspection: &Inspection) -> bool {
        let patient = self.program.patient.iter();
        patient
            .filter_map(|index| self.alternative(*index))
            .any(|(alternative, rule)| {
                let hinted = rule.hinted(self.facts);
                alternative.packets > inspection.packets
                    && (hinted || !alternative.ports_required)
                    && rule.refines.is_empty()
                    && confidence(alternative, hinted, false) > found.confidence
            })
    }
}
