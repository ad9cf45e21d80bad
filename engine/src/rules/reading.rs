//! Fields that were read out of a flow's first octets, kept until more octets come: several rules ask for the same ones.

use std::cell::RefCell;

use super::extract::{Sides, extract};
use super::inspection::Inspection;
use super::matching::Asked;
use super::program::Rule;

/// The name and value of each field.
pub(super) type Fields = Vec<(&'static str, String)>;

/// What each extractor found.
#[derive(Debug, Default)]
pub(super) struct Read(RefCell<Vec<Found>>);

#[derive(Debug)]
struct Found {
    extractor: Box<str>,
    swapped: bool,
    fields: Fields,
}

impl Read {
    /// There are more octets.
    pub fn forget(&mut self) {
        self.0.get_mut().clear();
    }

    /// Look at what an extractor finds in the sides, which are the same as the last time unless `forget` came between.
    pub fn with<R>(
        &self,
        extractor: &str,
        swapped: bool,
        sides: &Sides<'_>,
        look: impl FnOnce(&[(&'static str, String)]) -> R,
    ) -> R {
        let known = |found: &&Found| &*found.extractor == extractor && found.swapped == swapped;
        if let Some(found) = self.0.borrow().iter().find(known) {
            return look(&found.fields);
        }
        let fields = extract(extractor, sides);
        let result = look(&fields);
        self.0.borrow_mut().push(Found {
            extractor: extractor.into(),
            swapped,
            fields,
        });
        result
    }
}

impl<'a> Asked<'a> {
    /// Whether the fields that a rule asks for are as it wants them.
    pub fn fields_fit(
        &self,
        number: usize,
        rule: &Rule,
        inspection: &Inspection,
        swapped: bool,
    ) -> bool {
        if rule.fields.is_empty() {
            return true;
        }
        let read = self.readers(number, inspection);
        rule.fields.iter().all(|(name, patterns)| {
            read.iter().any(|extractor| {
                inspection.with_fields(self.facts, extractor, swapped, |fields| {
                    fields.iter().any(|(field, value)| {
                        field == name
                            && patterns
                                .iter()
                                .any(|pattern| pattern.is_match(value.as_bytes()))
                    })
                })
            })
        })
    }

    /// The fields that a rule's extractor finds, and those of what it refines.
    pub fn extracted(&self, number: usize, inspection: &Inspection, swapped: bool) -> Fields {
        let mut fields = Fields::new();
        for extractor in self.readers(number, inspection) {
            inspection.with_fields(self.facts, extractor, swapped, |found| {
                fields.extend_from_slice(found);
            });
        }
        fields
    }

    /// The extractors of a rule and of what it refines, each once.
    fn readers(&self, number: usize, inspection: &Inspection) -> Vec<&'a str> {
        let rules = &self.programs.rules;
        let own = rules.get(number);
        let further = own.into_iter().flat_map(|rule| &rule.ancestors);
        let matched = |rule: &&usize| {
            inspection.matches.iter().any(|found| {
                let alternative = self.program.alternatives.get(found.alternative);
                alternative.is_some_and(|alternative| alternative.rule == **rule)
            })
        };
        let mut names: Vec<&str> = Vec::new();
        let asked = own
            .into_iter()
            .chain(further.filter(matched).filter_map(|at| rules.get(*at)));
        for name in asked.filter_map(|rule| rule.extract.as_deref()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_extractor_is_asked_once_for_the_same_octets() {
        let mut read = Read::default();
        let count = |read: &Read, client: &[u8], swapped| {
            let sides = Sides {
                client,
                server: b"",
                stream: true,
            };
            read.with("ssh", swapped, &sides, |fields| fields.len())
        };
        assert_eq!(count(&read, b"SSH-2.0-x\r\n", false), 2);
        // It does not look.
        assert_eq!(count(&read, b"", false), 2);
        assert_eq!(count(&read, b"", true), 0);
        read.forget();
        assert_eq!(count(&read, b"", false), 0);
    }
}
