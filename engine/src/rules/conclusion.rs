//! The verdict in words: label, evidence, alternatives, fields.

use crate::flows::record::Classification;

use super::carrier::Carrier;
use super::form::Side;
use super::hex::push_hex;
use super::inspection::{Inspection, Match};
use super::matching::{Asked, looked_at};
use super::program::Test;

/// What is listed of a rule that has nothing but its port.
const BY_PORT: f32 = 0.2;
const MAX_EVIDENCE: usize = 8;
const MAX_ALTERNATIVES: usize = 8;
/// Octets of a match that are shown.
const SHOWN: usize = 24;

pub(super) fn conclude(asked: &Asked<'_>, inspection: &Inspection) -> Classification {
    let mut result = Classification {
        packets: u32::from(inspection.packets),
        ..Classification::default()
    };
    let winner = asked.winner(inspection);
    if let Some(winner) = winner
        && let Some((alternative, rule)) = asked.alternative(winner.alternative)
    {
        result.label.clone_from(&rule.label);
        result.rule.clone_from(&rule.name);
        result.confidence = winner.confidence;
        result.evidence = evidence(asked, inspection, &winner);
        let fields = asked.extracted(alternative.rule, inspection, winner.swapped);
        let fields = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        result.fields = fields.collect();
    }
    result.alternatives = alternatives(asked, inspection, winner.as_ref(), &result.label);
    result
}

fn alternatives(
    asked: &Asked<'_>,
    inspection: &Inspection,
    winner: Option<&Match>,
    label: &str,
) -> Vec<(String, f32)> {
    let matches = &inspection.matches;
    let mut others: Vec<_> = matches
        .iter()
        .filter(|found| !asked.is_refined(found, matches))
        .collect();
    others.sort_by(|a, b| asked.compare(a, b, matches));
    let mut found: Vec<(String, f32)> = Vec::new();
    let mut add = |name: &str, confidence: f32| {
        let there = found.iter().any(|(other, _)| other == name);
        if name != label && !there && found.len() < MAX_ALTERNATIVES {
            found.push((name.to_owned(), confidence));
        }
    };
    for other in others {
        if let Some((_, rule)) = asked.alternative(other.alternative) {
            add(&rule.label, other.confidence);
        }
    }
    if winner.is_none() {
        for number in &asked.program.on_ports {
            let rule = asked.programs.rules.get(*number);
            if let Some(rule) =
                rule.filter(|rule| rule.refines.is_empty() && rule.hinted(asked.facts))
            {
                add(&rule.label, BY_PORT);
            }
        }
    }
    found
}

/// What the winner was seen by, then what it refines.
fn evidence(asked: &Asked<'_>, inspection: &Inspection, winner: &Match) -> Vec<String> {
    let mut lines = Vec::new();
    let ancestors = asked
        .alternative(winner.alternative)
        .map(|(_, rule)| rule.ancestors.as_slice())
        .unwrap_or_default();
    let refined = inspection.matches.iter().filter(|found| {
        let rule = asked
            .alternative(found.alternative)
            .map(|(alternative, _)| alternative.rule);
        found.swapped == winner.swapped && rule.is_some_and(|rule| ancestors.contains(&rule))
    });
    for found in std::iter::once(winner).chain(refined) {
        let Some((alternative, rule)) = asked.alternative(found.alternative) else {
            continue;
        };
        let before = lines.len();
        for test in &alternative.tests {
            lines.extend(seen(asked, inspection, test, found.swapped));
        }
        if let Some(line) = lines.get_mut(before)
            && !alternative.name.is_empty()
        {
            line.insert_str(0, &format!("{}: ", alternative.name));
        }
        if !rule.fields.is_empty() {
            let fields = asked.extracted(alternative.rule, inspection, found.swapped);
            let named = |name: &str| rule.fields.iter().any(|(field, _)| field == name);
            let told = fields.iter().filter(|(name, _)| named(name));
            lines.extend(told.map(|(name, value)| {
                format!("{name} is {:?}", value.chars().take(80).collect::<String>())
            }));
        }
        if lines.len() == before {
            lines.push(carried(asked));
        }
        if found == winner && rule.hinted(asked.facts) {
            lines.push(format!(
                "ports {} and {}",
                asked.facts.source_port, asked.facts.destination_port
            ));
        }
    }
    if winner.swapped {
        lines.insert(0, "the destination opened the flow".to_owned());
    }
    lines.truncate(MAX_EVIDENCE);
    lines
}

/// For a rule that asks nothing of the payload.
fn carried(asked: &Asked<'_>) -> String {
    match Carrier::of(asked.facts) {
        Carrier::Ip(number) => format!("IP protocol {number}"),
        Carrier::Ether(number) => format!("EtherType 0x{number:04x}"),
        Carrier::Rdma => "RDMA".to_owned(),
        _ => "what it refines".to_owned(),
    }
}

/// One test's evidence: on which side, which pattern, where, and its octets; then the expressions that held.
fn seen(asked: &Asked<'_>, inspection: &Inspection, test: &Test, swapped: bool) -> Option<String> {
    let patterns = &asked.program.patterns;
    for side in looked_at(test, inspection, swapped) {
        let Some(index) = asked.shows(test, side) else {
            continue;
        };
        let message = side.message(index)?;
        let source = std::ptr::eq(side, inspection.sides.first()?);
        let mut line = match test.side {
            Side::Both => "both",
            _ if source != swapped => "client",
            _ => "server",
        }
        .to_owned();
        let found = test.patterns.iter().find_map(|number| {
            let (start, end) = patterns.find(*number, message.octets)?;
            Some((*number, start, end))
        });
        if let Some((number, start, end)) = found {
            let octets = message.octets.get(start..end).unwrap_or_default();
            line += &format!(
                " matches {} at {start}: {}",
                patterns.text(number),
                shown(octets)
            );
        }
        let mut joint = if found.is_some() { "; " } else { " has " };
        for check in &test.checks {
            line += joint;
            line += &check.text;
            joint = "; ";
        }
        if found.is_none() {
            let start = message.octets.get(..SHOWN).unwrap_or(message.octets);
            line += &format!(", beginning {}", shown(start));
        }
        return Some(line);
    }
    // It was so when the rule matched, and the stream has gone on since.
    let side = match test.side {
        Side::Client => "client",
        Side::Server => "server",
        Side::Either => "either side",
        Side::Both => "both",
    };
    let texts: Vec<_> = test
        .checks
        .iter()
        .map(|check| check.text.as_str())
        .collect();
    (!texts.is_empty()).then(|| format!("{side} had {}", texts.join("; ")))
}

/// Octets as hexadecimal numbers and as text.
fn shown(octets: &[u8]) -> String {
    let some = octets.get(..SHOWN).unwrap_or(octets);
    let mut line = String::with_capacity(4 * SHOWN + 8);
    push_hex(&mut line, some);
    if some.len() < octets.len() {
        line += "...";
    }
    line.push(' ');
    line.push('|');
    line.extend(some.iter().map(|octet| match octet {
        b' '..=b'~' => char::from(*octet),
        _ => '.',
    }));
    line.push('|');
    line
}
