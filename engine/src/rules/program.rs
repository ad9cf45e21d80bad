//! Rules as they are asked: by transport, those that are refined before those that refine them.

use std::collections::{HashMap, HashSet};

use regex_automata::meta::Regex;

use super::expression::Expression;
use super::form::{AlternativeForm, Document, RuleForm, Side, TestForm, Which};
use super::inspection::FlowFacts;
use super::patterns::{self, Patterns, set_bit};

const VERSION: u32 = 1;
const MAX_RULES: usize = 2000;
const MAX_ALTERNATIVES: usize = 64;

/// What a payload is carried by: the rules that can be asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Carrier {
    Tcp,
    Udp,
    Sctp,
    Dccp,
    Rdma,
    Ip(u8),
    Ether(u16),
}

impl Carrier {
    pub fn of(facts: &FlowFacts) -> Self {
        match (facts.rdma, facts.protocol) {
            (Some(_), _) => Self::Rdma,
            (None, 6) => Self::Tcp,
            (None, 17) => Self::Udp,
            (None, 33) => Self::Dccp,
            (None, 132) => Self::Sctp,
            (None, 0) => Self::Ether(facts.ether_type),
            (None, other) => Self::Ip(other),
        }
    }

    fn named(text: &str) -> Option<Self> {
        Some(match text {
            "tcp" => Self::Tcp,
            "udp" => Self::Udp,
            "sctp" => Self::Sctp,
            "dccp" => Self::Dccp,
            "rdma" => Self::Rdma,
            other => match other.split_once('/')? {
                ("ip", number) => Self::Ip(number.parse().ok()?),
                ("ether", number) => Self::Ether(number.parse().ok()?),
                _ => return None,
            },
        })
    }
}

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
    /// Alternatives that cannot match at the first packet.
    pub patient: Vec<usize>,
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
            program.ready()?;
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
                program.take(number, &form.alternatives, !form.ports.is_empty())?;
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
    fn take(&mut self, rule: usize, forms: &[AlternativeForm], ports: bool) -> Result<(), String> {
        if ports {
            self.on_ports.push(rule);
        }
        for form in forms {
            let not = form.not.iter().map(|group| self.tests(group));
            let not = not.collect::<Result<_, _>>()?;
            let alternative = Alternative {
                rule,
                name: form.name.clone(),
                confidence: form.confidence,
                packets: form.packets.max(1),
                ports_required: form.ports_required,
                tests: self.tests(&form.tests)?,
                not,
            };
            if alternative.packets > 1 {
                self.patient.push(self.alternatives.len());
            }
            self.alternatives.push(alternative);
        }
        Ok(())
    }

    fn tests(&mut self, forms: &[TestForm]) -> Result<Vec<Test>, String> {
        forms.iter().map(|form| self.test(form)).collect()
    }

    fn test(&mut self, form: &TestForm) -> Result<Test, String> {
        let patterns = form.patterns.iter();
        let patterns = patterns.map(|text| self.patterns.add(text, form.within));
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

    fn ready(&mut self) -> Result<(), String> {
        self.patterns.ready()?;
        self.triggers = vec![Vec::new(); self.patterns.len()];
        self.always = vec![0; self.alternatives.len().div_ceil(64)];
        for (index, alternative) in self.alternatives.iter().enumerate() {
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

/// Places of rules, sorted by name and so that each comes after what it refines.
fn in_order(forms: &[RuleForm]) -> Result<Vec<usize>, String> {
    let mut waiting: Vec<usize> = (0..forms.len()).collect();
    let name = |place: &usize| forms.get(*place).map_or("", |form| form.name.as_str());
    waiting.sort_by_key(name);
    if let Some(pair) = waiting.windows(2).find(|pair| match pair {
        [a, b] => name(a) == name(b),
        _ => false,
    }) {
        return Err(format!(
            "rule {} is there twice",
            pair.first().map_or("", name)
        ));
    }
    let mut done: HashSet<&str> = HashSet::new();
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let free = |place: &usize| {
            forms.get(*place).is_some_and(|form| {
                form.refines
                    .iter()
                    .all(|parent| done.contains(parent.as_str()))
            })
        };
        let (now, later): (Vec<_>, Vec<_>) = waiting.iter().partition(|place| free(place));
        if now.is_empty() {
            let stuck: Vec<_> = later.iter().take(5).map(name).collect();
            return Err(format!(
                "rules that refine one another, or what is not there: {}",
                stuck.join(", ")
            ));
        }
        done.extend(now.iter().map(name));
        order.extend(now);
        waiting = later;
    }
    Ok(order)
}
