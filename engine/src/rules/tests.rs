//! Rules made by hand, and what payloads come to.

mod payloads;
mod verdicts;

use serde_json::{Value, json};

use super::{Classifier, FlowFacts};
use crate::flows::record::Classification;

pub(super) fn test(side: &str, pattern: &str) -> Value {
    json!({"side": side, "patterns": [pattern], "within": null, "checks": [], "message": "first"})
}

pub(super) fn way(confidence: f64, tests: &[Value]) -> Value {
    json!({"name": "", "confidence": confidence, "packets": 1, "ports_required": false, "tests": tests, "not": []})
}

pub(super) fn rule(name: &str, transport: &str, alternatives: &[Value]) -> Value {
    json!({
        "name": name, "label": name, "transports": [transport], "ports": [], "refines": [], "extract": null,
        "fields": [], "listen": 0, "alternatives": alternatives,
    })
}

/// A value with one key set to another one.
pub(super) fn with(mut value: Value, key: &str, other: Value) -> Value {
    value[key] = other;
    value
}

pub(super) fn classifier(rules: &[Value]) -> Classifier {
    try_classifier(rules).unwrap()
}

pub(super) fn try_classifier(rules: &[Value]) -> Result<Classifier, String> {
    Classifier::from_json(json!({"version": 1, "rules": rules}).to_string().as_bytes())
}

pub(super) fn tcp() -> FlowFacts {
    FlowFacts {
        opened: true,
        ..FlowFacts::ip(6, 50_000, 50_001)
    }
}

pub(super) fn udp() -> FlowFacts {
    FlowFacts::ip(17, 50_000, 50_001)
}

/// What payloads come to, and at which one the flow was settled.
pub(super) fn ask(
    rules: &Classifier,
    facts: &FlowFacts,
    payloads: &[(bool, &[u8])],
) -> (Classification, Option<usize>) {
    let mut inspection = rules.begin(facts);
    let mut sent = [0_u32; 2];
    let mut settled = None;
    for (count, (forward, payload)) in (1..).zip(payloads) {
        let sequence = (facts.protocol == 6).then(|| sent[usize::from(!forward)]);
        sent[usize::from(!forward)] += payload.len() as u32;
        if rules.inspect(&mut inspection, facts, *forward, payload, sequence) {
            settled = Some(count);
            break;
        }
    }
    (rules.conclude(&inspection, facts), settled)
}

pub(super) fn label(rules: &Classifier, facts: &FlowFacts, payloads: &[(bool, &[u8])]) -> String {
    ask(rules, facts, payloads).0.label
}
