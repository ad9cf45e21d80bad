//! What tests see of payloads.

use serde_json::json;

use super::{ask, classifier, label, rule, tcp, test, try_classifier, udp, way, with};
use crate::flows::record::Classification;
use crate::rules::{FlowFacts, MAX_PACKETS, check_pattern};

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
