//! Rules as they are asked: by transport, those that are refined before those that refine them.

use std::collections::{HashMap, HashSet};

use regex_automata::meta::Regex;

use super::bits::set_bit;
use super::carrier::Carrier;
use super::expression::Expression;
use super::form::{Document, RuleForm, Side, TestForm, Which};
use super::inspection::FlowFacts;
use super::order::in_order;
use super::patterns::{self, Patterns};

const VERSION: u32 = 1;
const MAX_RULES: usize = 2000;
const MAX_ALTERNATIVES: usize = 64;

#[derive(Debug)]
pub(super) struct Rule {
    pub name: String,
    pub label: String,
    pub ports: Vec<(u16, u16)>,
    /// Indices of rules: one of them must have matched.
    pub refines: Vec<usize>,
    /// All that it refines, directly or through others, nearest first.
    pub ancestors: Vec<usize>,
    pub extract: Option<String>,
    pub fields: Vec<(String, Vec<Regex>)>,
    pub listen: u16,
}

impl Rule {
    /// Whether the flow is on one of its ports.
    pub fn hinted(&self, facts: &FlowFacts) -> bool {
        self.ports.iter().any(|(first, last)| {
            [facts.source_port, facts.destination_port]
                .iter()
                .any(|port| *port != 0 && first <= port && port <= last)
        })
    }
}

#[derive(Debug)]
pub(super) struct Test {
    pub side: Side,
    /// Numbers of patterns, of which one must match; none stands for anything.
    pub patterns: Vec<usize>,
    pub within: Option<usize>,
    pub checks: Vec<Expression>,
    pub which: Which,
}

#[derive(Debug)]
pub(super) struct Alternative {
    pub rule: usize,
    pub name: String,
    pub confidence: f32,
    pub packets: u16,
    pub ports_required: bool,
    /// On other rules, or on fields.
    pub depends: bool,
    pub tests: Vec<Test>,
    pub not: Vec<Vec<Test>>,
}

/// The rules of one carrier.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub patterns: Patterns,
    /// Those that refine come after what they refine.
    pub alternatives: Vec<Alternative>,
    /// By pattern: alternatives that can hold once it matched.
    pub triggers: Vec<Vec<usize>>,
    /// Bits of alternatives that need no pattern.
    pub always: Vec<u64>,
    /// Bits of alternatives that may come to hold with a datagram that is not its side's first.
    pub later: Vec<u64>,
    /// Bits of alternatives that tell the sides apart.
    pub sided: Vec<u64>,
    /// Alternatives that cannot match at the first packet.
    pub patient: Vec<usize>,
    /// Rules that are refined by some with patterns which are searched for only then (`Patterns::search_refining`).
    pub refined: Vec<usize>,
    /// Rules that have ports here.
    pub on_ports: Vec<usize>,
}

/// All rules.
#[derive(Debug)]
pub(super) struct Programs {
    pub rules: Vec<Rule>,
    pub programs: Vec<Program>,
    by_carrier: HashMap<Carrier, usize, foldhash::fast::FixedState>,
}

impl Programs {
    pub fn new(document: Document) -> Result<Self, String> {
        if document.version != VERSION {
            return Err(format!(
                "rules of version {}; this engine reads version {VERSION}",
                document.version
            ));
        }
        if document.rules.len() > MAX_RULES {
            return Err(format!(
                "{} rules; at most {MAX_RULES} are taken",
                document.rules.len()
            ));
        }
        let order = in_order(&document.rules)?;
        let mut forms: Vec<_> = document.rules.into_iter().map(Some).collect();
        let mut all = Self {
            rules: Vec::new(),
            programs: Vec::new(),
            by_carrier: HashMap::default(),
        };
        let mut numbers: HashMap<String, usize> = HashMap::new();
        for place in order {
            let Some(form) = forms.get_mut(place).and_then(Option::take) else {
                continue;
            };
            let name = form.name.clone();
            all.take(form, &mut numbers)
                .map_err(|error| format!("rule {name}: {error}"))?;
        }
        for program in &mut all.programs {
            program.ready(&all.rules)?;
        }
        Ok(all)
    }

    /// The program for a flow.
    pub fn number_for(&self, facts: &FlowFacts) -> Option<usize> {
        self.by_carrier.get(&Carrier::of(facts)).copied()
    }

    fn take(&mut self, form: RuleForm, numbers: &mut HashMap<String, usize>) -> Result<(), String> {
        let number = self.rules.len();
        let mut refines = Vec::new();
        let mut ancestors = Vec::new();
        for parent in &form.refines {
            let parent = *numbers
                .get(parent)
                .ok_or_else(|| format!("no rule {parent}"))?;
            refines.push(parent);
            ancestors.push(parent);
        }
        for parent in &refines {
            let further = self.rules.get(*parent).map(|rule| rule.ancestors.clone());
            ancestors.extend(further.unwrap_or_default());
        }
        let mut met = HashSet::new();
        ancestors.retain(|rule| met.insert(*rule));
        let field = |(name, texts): (String, Vec<String>)| {
            let texts = texts.iter().map(|text| patterns::for_field(text));
            Ok::<_, String>((name, texts.collect::<Result<Vec<_>, _>>()?))
        };
        if form.alternatives.len() > MAX_ALTERNATIVES {
            return Err(format!("more than {MAX_ALTERNATIVES} alternatives"));
        }
        for transport in &form.transports {
            let carrier =
                Carrier::named(transport).ok_or_else(|| format!("no transport {transport}"))?;
            let program = *self
                .by_carrier
                .entry(carrier)
                .or_insert(self.programs.len());
            if program == self.programs.len() {
                self.programs.push(Program::default());
            }
            if let Some(program) = self.programs.get_mut(program) {
                program.take(number, &form)?;
            }
        }
        numbers.insert(form.name.clone(), number);
        self.rules.push(Rule {
            name: form.name,
            label: form.label,
            ports: form.ports,
            refines,
            ancestors,
            extract: form.extract,
            fields: form
                .fields
                .into_iter()
                .map(field)
                .collect::<Result<_, _>>()?,
            listen: form.listen,
        });
        Ok(())
    }
}

impl Program {
    fn take(&mut self, rule: usize, form: &RuleForm) -> Result<(), String> {
        let depends = !form.refines.is_empty() || !form.fields.is_empty();
        if !form.ports.is_empty() {
            self.on_ports.push(rule);
        }
        let refining = !form.refines.is_empty();
        for form in &form.alternatives {
            let not = form.not.iter().map(|group| self.tests(group, refining));
            let not = not.collect::<Result<_, _>>()?;
            let alternative = Alternative {
                rule,
                name: form.name.clone(),
                confidence: form.confidence,
                packets: form.packets.max(1),
                ports_required: form.ports_required,
                depends,
                tests: self.tests(&form.tests, refining)?,
                not,
            };
            if alternative.packets > 1 {
                self.patient.push(self.alternatives.len());
            }
            self.alternatives.push(alternative);
        }
        Ok(())
    }

    fn tests(&mut self, forms: &[TestForm], refining: bool) -> Result<Vec<Test>, String> {
        let tests = forms.iter().map(|form| self.test(form, refining));
        tests.collect()
    }

    fn test(&mut self, form: &TestForm, refining: bool) -> Result<Test, String> {
        let patterns = form.patterns.iter();
        let patterns = patterns.map(|text| self.patterns.add(text, form.within, refining));
        let checks = form.checks.iter();
        let checks = checks.map(|check| Expression::new(&check.text, &check.tree));
        Ok(Test {
            side: form.side,
            patterns: patterns.collect::<Result<_, _>>()?,
            within: form.within,
            checks: checks.collect::<Result<_, _>>()?,
            which: form.message,
        })
    }

    fn ready(&mut self, rules: &[Rule]) -> Result<(), String> {
        self.patterns.ready()?;
        self.triggers = vec![Vec::new(); self.patterns.len()];
        self.always = vec![0; self.alternatives.len().div_ceil(64)];
        self.later = self.always.clone();
        self.sided = self.always.clone();
        for (index, alternative) in self.alternatives.iter().enumerate() {
            let mut all = alternative
                .tests
                .iter()
                .chain(alternative.not.iter().flatten());
            if alternative.packets > 1
                || alternative.depends
                || all.any(|test| test.which != Which::First)
            {
                set_bit(&mut self.later, index);
            }
            let mut all = alternative
                .tests
                .iter()
                .chain(alternative.not.iter().flatten());
            if alternative.depends
                || all.any(|test| matches!(test.side, Side::Client | Side::Server))
            {
                set_bit(&mut self.sided, index);
            }
            let tests = alternative.tests.iter();
            let mut patterns = tests
                .chain(alternative.not.iter().flatten())
                .flat_map(|test| &test.patterns);
            if patterns.any(|number| self.patterns.is_refining(*number)) {
                let rule = rules.get(alternative.rule);
                self.refined
                    .extend(rule.iter().flat_map(|rule| &rule.refines));
            }
            // All tests must hold, so the patterns of one of them are enough to wake it.
            match alternative
                .tests
                .iter()
                .find(|test| !test.patterns.is_empty())
            {
                None => set_bit(&mut self.always, index),
                Some(test) => {
                    for pattern in &test.patterns {
                        if let Some(woken) = self.triggers.get_mut(*pattern) {
                            woken.push(index);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
