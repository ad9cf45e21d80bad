//! Which rule wins, and when it is settled.

use serde_json::json;

use super::{ask, classifier, label, rule, tcp, test, try_classifier, udp, way, with};
use crate::rules::{Classifier, FlowFacts, MAX_PACKETS};

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

#[test]
fn what_is_known_by_its_carrier_alone_needs_no_payload() {
    let rules = classifier(&[
        rule("roce", "rdma", &[way(0.98, &[])]),
        with(
            rule(
                "nvme-rdma",
                "rdma",
                &[way(0.97, &[test("either", "^\\x7f")])],
            ),
            "refines",
            serde_json::json!(["roce"]),
        ),
    ]);
    let rdma = FlowFacts {
        rdma: Some(crate::packets::RdmaLink::Rocev2),
        ..FlowFacts::ip(17, 0, 4791)
    };
    let found = rules.conclude_unseen(&rdma);
    assert_eq!((found.label.as_str(), found.packets), ("roce", 0));
    assert_eq!(rules.conclude_unseen(&tcp()).label, "");
}
