use serde_json::{Value, json};

use super::{Classifier, FlowFacts, MAX_PACKETS, check_pattern};
use crate::flows::record::Classification;

fn test(side: &str, pattern: &str) -> Value {
    json!({"side": side, "patterns": [pattern], "within": null, "checks": [], "message": "first"})
}

fn way(confidence: f64, tests: &[Value]) -> Value {
    json!({"name": "", "confidence": confidence, "packets": 1, "ports_required": false, "tests": tests, "not": []})
}

fn rule(name: &str, transport: &str, alternatives: &[Value]) -> Value {
    json!({
        "name": name, "label": name, "transports": [transport], "ports": [], "refines": [], "extract": null,
        "fields": [], "listen": 0, "alternatives": alternatives,
    })
}

/// A value with one key set to another one.
fn with(mut value: Value, key: &str, other: Value) -> Value {
    value[key] = other;
    value
}

fn classifier(rules: &[Value]) -> Classifier {
    try_classifier(rules).unwrap()
}

fn try_classifier(rules: &[Value]) -> Result<Classifier, String> {
    Classifier::from_json(json!({"version": 1, "rules": rules}).to_string().as_bytes())
}

fn tcp() -> FlowFacts {
    FlowFacts {
        opened: true,
        ..FlowFacts::ip(6, 50_000, 50_001)
    }
}

fn udp() -> FlowFacts {
    FlowFacts::ip(17, 50_000, 50_001)
}

/// What payloads come to, and at which one the flow was settled.
fn ask(
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

fn label(rules: &Classifier, facts: &FlowFacts, payloads: &[(bool, &[u8])]) -> String {
    ask(rules, facts, payloads).0.label
}

#[test]
fn a_pattern_says_what_a_flow_is_and_by_what() {
    let rules = classifier(&[rule(
        "hello",
        "tcp",
        &[way(0.9, &[test("client", "^HELO [a-z]")])],
    )]);
    let (found, settled) = ask(&rules, &tcp(), &[(true, b"HEL"), (true, b"O x\r\n")]);
    assert_eq!(settled, Some(2));
    assert_eq!(
        (found.label.as_str(), found.rule.as_str(), found.packets),
        ("hello", "hello", 2)
    );
    assert!((found.confidence - 0.9).abs() < 1e-6);
    assert_eq!(
        found.evidence,
        ["client matches ^HELO [a-z] at 0: 48454c4f2078 |HELO x|"]
    );
    assert_eq!(label(&rules, &tcp(), &[(false, b"HELO x")]), "");
    assert_eq!(label(&rules, &udp(), &[(true, b"HELO x")]), "");
    assert_eq!(rules.len(), 1);
}

#[test]
fn nothing_is_allocated_and_nothing_looked_at_where_no_rule_can_match() {
    let rules = classifier(&[rule(
        "hello",
        "tcp",
        &[way(0.9, &[test("client", "^HELO")])],
    )]);
    let inspection = rules.begin(&udp());
    assert!(inspection.settled());
    assert_eq!(inspection.octets(), 0);
    assert_eq!(
        rules.conclude(&inspection, &udp()),
        Classification::default()
    );
}

#[test]
fn it_gives_up_after_some_packets() {
    let rules = classifier(&[rule(
        "hello",
        "tcp",
        &[way(0.9, &[test("client", "^HELO")])],
    )]);
    let payloads = [(true, b"x".as_slice()); 40];
    let (found, settled) = ask(&rules, &tcp(), &payloads);
    assert_eq!(settled, Some(usize::from(MAX_PACKETS)));
    assert_eq!(found.label, "");
}

#[test]
fn rules_are_asked_the_other_way_round_unless_the_client_is_known() {
    let both = [test("client", "^ask"), test("server", "^tell")];
    let rules = classifier(&[rule("talk", "tcp", &[way(0.8, &both)])]);
    let payloads: [(bool, &[u8]); 2] = [(true, b"tell"), (false, b"ask")];
    let guessed = FlowFacts {
        opened: false,
        ..tcp()
    };
    let (found, _) = ask(&rules, &guessed, &payloads);
    assert_eq!(found.label, "talk");
    assert!((found.confidence - 0.8 * 0.95).abs() < 1e-6);
    assert_eq!(found.evidence[0], "the destination opened the flow");
    assert!(found.evidence[1].starts_with("client matches ^ask"));
    assert_eq!(label(&rules, &tcp(), &payloads), "");
}

#[test]
fn ports_halve_the_doubt_and_decide_nothing() {
    let hinted = with(
        rule("a", "udp", &[way(0.6, &[test("client", "^a")])]),
        "ports",
        json!([[50_000, 50_000]]),
    );
    let rules = classifier(&[
        hinted,
        rule("b", "udp", &[way(0.7, &[test("client", "^a")])]),
    ]);
    let (found, _) = ask(&rules, &udp(), &[(true, b"a")]);
    assert_eq!(found.label, "a");
    assert!((found.confidence - 0.8).abs() < 1e-6);
    assert_eq!(found.alternatives, [("b".to_owned(), 0.7)]);
    assert_eq!(found.evidence.last().unwrap(), "ports 50000 and 50001");
    let elsewhere = FlowFacts::ip(17, 1, 2);
    assert_eq!(label(&rules, &elsewhere, &[(true, b"a")]), "b");
    let (found, _) = ask(&rules, &udp(), &[(true, b"zzz")]);
    assert_eq!((found.label.as_str(), found.confidence), ("", 0.0));
    assert_eq!(found.alternatives, [("a".to_owned(), 0.2)]);
}

#[test]
fn a_rule_that_needs_its_port_is_silent_elsewhere() {
    let way = with(
        way(0.6, &[test("client", "^a")]),
        "ports_required",
        json!(true),
    );
    let rules = classifier(&[with(
        rule("a", "udp", &[way]),
        "ports",
        json!([[50_001, 50_010]]),
    )]);
    let (found, _) = ask(&rules, &udp(), &[(true, b"a")]);
    assert_eq!(found.label, "a");
    assert!(
        (found.confidence - 0.6).abs() < 1e-6,
        "the port is in it already"
    );
    assert_eq!(
        label(&rules, &FlowFacts::ip(17, 50_011, 9), &[(true, b"a")]),
        ""
    );
}

#[test]
fn what_refines_wins_and_needs_what_it_refines() {
    let base = with(
        rule("base", "tcp", &[way(0.95, &[test("client", "^base")])]),
        "listen",
        json!(6),
    );
    let finer = with(
        rule("finer", "tcp", &[way(0.5, &[test("server", "^fine")])]),
        "refines",
        json!(["base"]),
    );
    let finest = with(
        rule("finest", "tcp", &[way(0.9, &[test("server", "^finest")])]),
        "refines",
        json!(["finer"]),
    );
    // The order in which they stand in the file is of no account.
    let rules = classifier(&[finest, finer, base]);
    assert_eq!(label(&rules, &tcp(), &[(true, b"base")]), "base");
    assert_eq!(label(&rules, &tcp(), &[(false, b"finest")]), "");
    assert_eq!(
        label(&rules, &tcp(), &[(true, b"base"), (false, b"fine")]),
        "finer"
    );
    let (found, settled) = ask(&rules, &tcp(), &[(true, b"base"), (false, b"finest")]);
    assert_eq!((found.label.as_str(), settled), ("finest", Some(2)));
    assert!(found.alternatives.is_empty());
    assert_eq!(found.evidence.len(), 3);
}

#[test]
fn it_listens_on_for_what_may_come() {
    let base = with(
        rule("base", "tcp", &[way(0.95, &[test("client", "^base")])]),
        "listen",
        json!(2),
    );
    let rules = classifier(&[base]);
    let payloads: [(bool, &[u8]); 4] =
        [(true, b"base"), (false, b"1"), (false, b"2"), (true, b"3")];
    assert_eq!(ask(&rules, &tcp(), &payloads).1, Some(3));
}

#[test]
fn a_doubtful_match_waits_for_a_better_one() {
    let quick = rule("quick", "udp", &[way(0.91, &[test("client", "^a")])]);
    let slow = with(
        way(
            0.97,
            &[with(test("client", "^a"), "message", json!("every"))],
        ),
        "packets",
        json!(3),
    );
    let rules = classifier(&[quick, rule("slow", "udp", &[slow])]);
    let (found, settled) = ask(
        &rules,
        &udp(),
        &[(true, b"a"), (true, b"ab"), (true, b"ac")],
    );
    assert_eq!((found.label.as_str(), settled), ("slow", Some(3)));
    assert_eq!(found.alternatives, [("quick".to_owned(), 0.91)]);
    let (found, _) = ask(&rules, &udp(), &[(true, b"a"), (true, b"x"), (true, b"ac")]);
    assert_eq!(found.label, "quick");
}

#[test]
fn any_and_first_datagrams() {
    let of = |which: &str| {
        let test = with(test("either", "^b"), "message", json!(which));
        classifier(&[rule("b", "udp", &[way(0.8, &[test])])])
    };
    let payloads: [(bool, &[u8]); 3] = [(true, b"a"), (true, b"b"), (false, b"a")];
    assert_eq!(label(&of("any"), &udp(), &payloads), "b");
    assert_eq!(label(&of("first"), &udp(), &payloads), "");
    assert_eq!(label(&of("every"), &udp(), &payloads), "");
    assert_eq!(label(&of("every"), &udp(), &payloads[1..2]), "b");
}

#[test]
fn both_sides_must_show_it() {
    let rules = classifier(&[rule("b", "udp", &[way(0.8, &[test("both", "^b")])])]);
    assert_eq!(label(&rules, &udp(), &[(true, b"b")]), "");
    assert_eq!(label(&rules, &udp(), &[(true, b"b"), (false, b"b")]), "b");
    assert_eq!(label(&rules, &udp(), &[(true, b"b"), (false, b"a")]), "");
}

#[test]
fn a_refusal_takes_a_match_back() {
    let way = with(
        way(0.8, &[test("client", "^a")]),
        "not",
        json!([[test("server", "^no")]]),
    );
    let rules = classifier(&[rule("a", "udp", &[way])]);
    assert_eq!(label(&rules, &udp(), &[(true, b"a"), (false, b"yes")]), "a");
    assert_eq!(label(&rules, &udp(), &[(true, b"a"), (false, b"no")]), "");
    assert_eq!(label(&rules, &udp(), &[(false, b"no"), (true, b"a")]), "");
}

#[test]
fn a_match_in_a_stream_stays_while_the_stream_goes_on() {
    let check = json!([{"text": "u8@0 == size", "tree": ["==", ["u8", 0], "size"]}]);
    let whole = json!({"side": "client", "patterns": [], "within": null, "checks": check, "message": "first"});
    let rules = classifier(&[rule("whole", "tcp", &[way(0.8, &[whole])])]);
    let (found, _) = ask(&rules, &tcp(), &[(true, b"\x03ab"), (true, b"cd")]);
    assert_eq!(found.label, "whole");
    assert_eq!(found.evidence, ["client had u8@0 == size"]);
}

#[test]
fn what_was_found_in_the_middle_is_forgotten_when_the_beginning_comes() {
    let rules = classifier(&[rule("b", "tcp", &[way(0.8, &[test("client", "^b")])])]);
    let facts = FlowFacts {
        opened: false,
        ..tcp()
    };
    let mut inspection = rules.begin(&facts);
    rules.inspect(&mut inspection, &facts, true, b"bcd", Some(101));
    assert_eq!(rules.conclude(&inspection, &facts).label, "b");
    rules.inspect(&mut inspection, &facts, true, b"abc", Some(98));
    assert_eq!(rules.conclude(&inspection, &facts).label, "");
}

#[test]
fn a_pattern_looks_no_further_than_it_may() {
    let near = with(test("client", "needle"), "within", json!(16));
    let far = with(test("client", "thread"), "within", json!(64));
    let rules = classifier(&[
        rule("near", "tcp", &[way(0.8, &[near])]),
        rule("far", "tcp", &[way(0.8, &[far])]),
    ]);
    assert_eq!(
        label(&rules, &tcp(), &[(true, b"..........needle")]),
        "near"
    );
    assert_eq!(label(&rules, &tcp(), &[(true, b"...........needle")]), "");
    assert_eq!(
        label(&rules, &tcp(), &[(true, b"...........thread")]),
        "far"
    );
    let unbounded = rule("wild", "tcp", &[way(0.8, &[test("client", "needle")])]);
    assert!(
        try_classifier(&[unbounded])
            .unwrap_err()
            .contains("neither anchored")
    );
}

#[test]
fn what_is_not_ip_is_known_by_its_number() {
    let rules = classifier(&[
        rule("lldp", "ether/35020", &[way(0.95, &[])]),
        rule(
            "ospf",
            "ip/89",
            &[way(0.95, &[test("either", r"^\x02[\x01-\x05]")])],
        ),
    ]);
    let lldp = FlowFacts {
        ether_type: 0x88cc,
        ..FlowFacts::ip(0, 0, 0)
    };
    let (found, settled) = ask(&rules, &lldp, &[(true, b"\x02\x07\x04")]);
    assert_eq!((found.label.as_str(), settled), ("lldp", Some(1)));
    assert_eq!(found.evidence, ["EtherType 0x88cc"]);
    assert_eq!(
        label(&rules, &FlowFacts::ip(89, 0, 0), &[(true, b"\x02\x01")]),
        "ospf"
    );
    assert_eq!(
        label(&rules, &FlowFacts::ip(89, 0, 0), &[(true, b"\x04\x01")]),
        ""
    );
}

#[test]
fn octets_are_no_characters() {
    let rules = classifier(&[rule(
        "a",
        "tcp",
        &[way(0.8, &[test("client", r"^.\xff\x00[\x80-\xff]{2}$")])],
    )]);
    assert_eq!(label(&rules, &tcp(), &[(true, b"\n\xff\x00\xc3\xfe")]), "a");
    assert_eq!(check_pattern("^a|^b"), Ok(true));
    assert_eq!(check_pattern("^a|b"), Ok(false));
    assert!(check_pattern("(").is_err());
    assert!(check_pattern("^(?:.{900}){900}").is_err(), "too large");
}

#[test]
fn the_same_confidence_is_told_apart_by_name() {
    let rules = classifier(&[
        rule("b", "tcp", &[way(0.8, &[test("client", "^x")])]),
        rule("a", "tcp", &[way(0.8, &[test("client", "^xy")])]),
    ]);
    let (found, _) = ask(&rules, &tcp(), &[(true, b"xyz")]);
    assert_eq!(found.label, "a");
    assert_eq!(found.alternatives, [("b".to_owned(), 0.8)]);
}

#[test]
fn rules_that_make_no_sense_are_refused_by_name() {
    let one = || rule("one", "tcp", &[way(0.8, &[test("client", "^x")])]);
    let refines = |name: &str, other: &str| with(rule(name, "tcp", &[]), "refines", json!([other]));
    for (rules, complaint) in [
        (vec![one(), one()], "one is there twice"),
        (
            vec![refines("a", "b"), refines("b", "a")],
            "refine one another",
        ),
        (vec![refines("a", "nobody")], "not there"),
        (vec![rule("a", "tdp", &[])], "rule a: no transport tdp"),
        (
            vec![rule("a", "tcp", &[way(0.8, &[test("client", "^(x")])])],
            "rule a: pattern",
        ),
    ] {
        let error = try_classifier(&rules).unwrap_err();
        assert!(error.contains(complaint), "{error}");
    }
    assert!(Classifier::from_json(b"{}").is_err());
    assert!(Classifier::from_json(br#"{"version": 2, "rules": []}"#).is_err());
    assert!(classifier(&[]).is_empty());
}

#[test]
fn any_octets_in_any_order_end_it_in_bounds() {
    let checks =
        json!([{"text": "", "tree": [">=", ["records", 0, ["+", ["u16", 1], 3], null], 2]}]);
    let records = json!({"side": "either", "patterns": [], "within": null, "checks": checks, "message": "first"});
    let alternatives = [
        way(0.8, &[records]),
        way(0.7, &[test("both", "^[\\x00-\\x0f]+")]),
        with(
            way(
                0.95,
                &[with(test("either", "^."), "message", json!("every"))],
            ),
            "packets",
            json!(5),
        ),
    ];
    let rules = classifier(
        &[
            rule("t", "tcp", &alternatives),
            rule("u", "udp", &alternatives),
            with(
                rule("v", "udp", &[way(0.5, &[test("server", "[^a-z]")])]),
                "refines",
                json!(["u"]),
            ),
        ]
        .map(|rule| match rule["name"] == "v" {
            true => with(
                rule,
                "alternatives",
                json!([way(
                    0.5,
                    &[with(test("server", "[^a-z]"), "within", json!(99))]
                )]),
            ),
            false => rule,
        }),
    );
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..500 {
        let facts = if round % 2 == 0 { tcp() } else { udp() };
        let mut inspection = rules.begin(&facts);
        for _ in 0..30 {
            let payload: Vec<u8> = (0..random() % 600)
                .map(|_| (random() >> 60) as u8)
                .collect();
            let sequence = (facts.protocol == 6).then(|| (random() % 4000) as u32);
            let wire = payload.len() as u32 + (random() % 2) as u32;
            rules.inspect_captured(
                &mut inspection,
                &facts,
                random() % 2 == 0,
                &payload,
                wire,
                sequence,
            );
            assert!(inspection.octets() <= 4096);
        }
        assert!(inspection.settled());
        let found = rules.conclude(&inspection, &facts);
        assert!(found.confidence <= 1.0 && found.packets <= u32::from(MAX_PACKETS));
    }
}
