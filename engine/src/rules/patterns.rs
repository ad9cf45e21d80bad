//! All patterns of one transport, looked for at once.

use std::cell::RefCell;
use std::sync::OnceLock;

use regex_automata::meta::Regex;
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind, PatternSet};

use super::bits::set_bit;
use super::sides::MAX_OCTETS;

/// Octets of a compiled pattern's automaton.
const MAX_PATTERN: usize = 1 << 18;
/// Of all of a transport's.
const MAX_SET: usize = 1 << 25;
const CACHE: usize = 1 << 23;

thread_local! {
    /// Where a search puts the patterns that it found.
    static FOUND: RefCell<PatternSet> = RefCell::new(PatternSet::new(0));
}

fn octets() -> syntax::Config {
    syntax::Config::new()
        .unicode(false)
        .utf8(false)
        .dot_matches_new_line(true)
}

/// Whether a pattern can be looked for, and whether it is anchored at the beginning in every branch.
pub fn check_pattern(pattern: &str) -> Result<bool, String> {
    let nfa = thompson::Compiler::new()
        .syntax(octets())
        .configure(
            thompson::Config::new()
                .utf8(false)
                .nfa_size_limit(Some(MAX_PATTERN)),
        )
        .build(pattern)
        .map_err(|error| reason(&error))?;
    Ok(nfa.is_always_start_anchored())
}

fn reason(error: &dyn std::error::Error) -> String {
    // The syntax error stands below, over several lines with a mark under the pattern; its last line says what is wrong.
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let text = deepest.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// `MatchKind::All` to find every pattern, `LeftmostFirst` to find where one of them is.
fn build(patterns: &[&str], kind: MatchKind) -> Result<Regex, String> {
    Regex::builder()
        .syntax(octets())
        .configure(
            Regex::config()
                .utf8_empty(false)
                .match_kind(kind)
                .nfa_size_limit(Some(MAX_SET))
                .hybrid_cache_capacity(CACHE),
        )
        .build_many(patterns)
        .map_err(|error| reason(&error))
}

#[derive(Debug)]
struct Pattern {
    text: String,
    within: Option<usize>,
    anchored: bool,
    /// Nobody asks for it who does not refine what another rule found.
    refining: bool,
    /// Alone, to say where it was found. Made when it is first needed.
    alone: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn find(&self, octets: &[u8]) -> Option<(usize, usize)> {
        let alone = self
            .alone
            .get_or_init(|| build(&[self.text.as_str()], MatchKind::LeftmostFirst).ok())
            .as_ref()?;
        let found = alone.find(self.bounded(octets))?;
        Some((found.start(), found.end()))
    }

    fn bounded<'a>(&self, octets: &'a [u8]) -> &'a [u8] {
        octets
            .get(..self.within.unwrap_or(MAX_OCTETS))
            .unwrap_or(octets)
    }
}

/// Some of the patterns as one automaton.
#[derive(Debug)]
struct Together {
    regex: Regex,
    /// Number of each pattern.
    numbers: Vec<usize>,
    /// No pattern looks further.
    within: usize,
}

/// Patterns by number.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    all: Vec<Pattern>,
    sets: Vec<Together>,
    /// Those that may stand anywhere and that only refining rules ask for.
    refining: Vec<Together>,
}

impl Patterns {
    /// The number of a pattern, which is taken up when it is not there. `refining`: by a rule that refines another one.
    /// `ready` makes it searchable.
    pub fn add(
        &mut self,
        text: &str,
        within: Option<usize>,
        refining: bool,
    ) -> Result<usize, String> {
        let same =
            |(_, pattern): &(usize, &mut Pattern)| pattern.text == text && pattern.within == within;
        if let Some((number, pattern)) = self.all.iter_mut().enumerate().find(same) {
            pattern.refining &= refining;
            return Ok(number);
        }
        let anchored = check_pattern(text).map_err(|error| format!("pattern {text:?}: {error}"))?;
        if !anchored && within.is_none() {
            return Err(format!("pattern {text:?}: neither anchored nor bounded"));
        }
        self.all.push(Pattern {
            text: text.to_owned(),
            within,
            anchored,
            refining,
            alone: OnceLock::new(),
        });
        Ok(self.all.len() - 1)
    }

    /// Compile what was added.
    pub fn ready(&mut self) -> Result<(), String> {
        self.sets.clear();
        self.sets.extend(self.together(|pattern| pattern.anchored)?);
        self.sets
            .extend(self.together(|pattern| !pattern.anchored && !pattern.refining)?);
        self.refining =
            Vec::from_iter(self.together(|pattern| !pattern.anchored && pattern.refining)?);
        Ok(())
    }

    fn together(&self, which: impl Fn(&Pattern) -> bool) -> Result<Option<Together>, String> {
        let some: Vec<_> = (0..)
            .zip(&self.all)
            .filter(|(_, pattern)| which(pattern))
            .collect();
        if some.is_empty() {
            return Ok(None);
        }
        let texts: Vec<_> = some
            .iter()
            .map(|(_, pattern)| pattern.text.as_str())
            .collect();
        let bounds = some
            .iter()
            .map(|(_, pattern)| pattern.within.unwrap_or(MAX_OCTETS));
        Ok(Some(Together {
            regex: build(&texts, MatchKind::All)?,
            within: bounds.max().unwrap_or(MAX_OCTETS),
            numbers: some.iter().map(|(number, _)| *number).collect(),
        }))
    }

    /// Whether `search` leaves a pattern to `search_refining`.
    pub fn is_refining(&self, number: usize) -> bool {
        let numbers = self.refining.iter().flat_map(|set| &set.numbers);
        numbers.into_iter().any(|other| *other == number)
    }

    /// 64-bit words that a message's hits take.
    pub fn words(&self) -> usize {
        self.all.len().div_ceil(64)
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// As it was written.
    pub fn text(&self, number: usize) -> &str {
        self.all.get(number).map_or("", |pattern| &pattern.text)
    }

    /// Where a pattern is found in a message.
    pub fn find(&self, number: usize, octets: &[u8]) -> Option<(usize, usize)> {
        self.all.get(number)?.find(octets)
    }

    /// Set the bit of each pattern that is in the octets, of which the first `seen` were searched before. Patterns that
    /// may stand anywhere, and mean something only where another rule matched, are left out.
    pub fn search(&self, octets: &[u8], seen: usize, hits: &mut [u64]) {
        self.search_sets(&self.sets, octets, seen, hits);
    }

    /// The same of the patterns that `search` leaves out.
    pub fn search_refining(&self, octets: &[u8], hits: &mut [u64]) {
        self.search_sets(&self.refining, octets, 0, hits);
    }

    fn search_sets(&self, sets: &[Together], octets: &[u8], seen: usize, hits: &mut [u64]) {
        FOUND.with_borrow_mut(|found| {
            for set in sets {
                if seen >= set.within {
                    continue;
                }
                if found.capacity() < set.numbers.len() {
                    *found = PatternSet::new(set.numbers.len());
                }
                found.clear();
                let some = octets.get(..set.within).unwrap_or(octets);
                set.regex
                    .which_overlapping_matches(&Input::new(some), found);
                if found.is_empty() {
                    continue;
                }
                for id in found.iter() {
                    let Some(&number) = set.numbers.get(id.as_usize()) else {
                        continue;
                    };
                    if self.found_near(number, some) {
                        set_bit(hits, number);
                    }
                }
            }
        });
    }

    /// A set is searched as far as the pattern that looks furthest; the others are looked for again, nearer.
    fn found_near(&self, number: usize, octets: &[u8]) -> bool {
        self.all.get(number).is_some_and(|pattern| {
            pattern.within.is_none_or(|within| octets.len() <= within)
                || pattern.find(octets).is_some()
        })
    }
}

/// A pattern that is looked for in the value of an extracted field.
pub(super) fn for_field(text: &str) -> Result<Regex, String> {
    check_pattern(text)
        .and_then(|_| build(&[text], MatchKind::LeftmostFirst))
        .map_err(|error| format!("pattern {text:?}: {error}"))
}
