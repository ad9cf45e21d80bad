use serde_json::{Value, json};

use super::Expression;
use crate::rules::evaluation::Message;

fn holds(tree: &Value, octets: &[u8]) -> bool {
    cut(tree, octets, octets.len() as u64)
}

fn cut(tree: &Value, octets: &[u8], size: u64) -> bool {
    let message = Message {
        octets,
        size,
        first: 3,
        stream: false,
    };
    Expression::new("", tree).unwrap().holds(&message)
}

fn stream(tree: &Value, octets: &[u8]) -> bool {
    let message = Message {
        octets,
        size: octets.len() as u64,
        first: 3,
        stream: true,
    };
    Expression::new("", tree).unwrap().holds(&message)
}

#[test]
fn reads_numbers_in_both_orders() {
    let octets = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08];
    for (name, value) in [
        ("u8", 0x01_i64),
        ("u16", 0x0102),
        ("u24", 0x0001_0203),
        ("u32", 0x0102_0304),
        ("u64", 0x0102_0304_0506_0708),
        ("u16le", 0x0201),
        ("u24le", 0x0003_0201),
        ("u32le", 0x0403_0201),
        ("u64le", 0x0807_0605_0403_0201),
    ] {
        assert!(holds(&json!(["==", [name, 0], value]), &octets), "{name}");
    }
    assert!(holds(&json!(["==", ["u16", -2], 0x0708]), &octets));
    assert!(holds(
        &json!(["==", ["u8", ["+", ["u8", 0], 1]], 3]),
        &octets
    ));
}

#[test]
fn what_cannot_be_had_is_false_even_under_not() {
    let octets = [1, 2, 3, 4];
    for tree in [
        json!(["==", ["u32", 1], 0]),
        json!(["not", ["==", ["u32", 1], 0]]),
        json!(["==", ["u8", -5], 0]),
        json!(["!=", ["/", 1, 0], 7]),
        json!(["!=", ["%", 1, 0], 7]),
        json!(["!=", ["*", i64::MAX, 2], 7]),
        json!(["!=", ["<<", 1, 63], 7]),
        json!(["!=", [">>", 1, 64], 7]),
        json!(["!=", ["<<", 1, -1], 7]),
        json!(["or", ["==", ["u8", 9], 0], ["==", "size", 4]]),
    ] {
        assert!(!holds(&tree, &octets), "{tree}");
    }
    let late = json!(["or", ["==", "size", 4], ["==", ["u8", 9], 0]]);
    assert!(holds(&late, &octets), "what holds first needs no more");
}

#[test]
fn the_end_of_what_was_cut_is_not_known() {
    let last = json!(["==", ["u8", -1], 4]);
    assert!(holds(&last, &[1, 2, 3, 4]));
    assert!(!cut(&last, &[1, 2, 3, 4], 5));
    assert!(!stream(&last, &[1, 2, 3, 4]));
    assert!(cut(&json!(["==", "size", 900]), &[1, 2, 3, 4], 900));
}

#[test]
fn arithmetic_and_choices() {
    let octets = [0x82, 0x60, 0, 7];
    for tree in [
        json!(["==", ["&", ["u8", 0], 0xf0], 0x80]),
        json!(["==", ["|", 1, 6], 7]),
        json!(["==", ["^", 5, 1], 4]),
        json!(["==", [">>", ["u8", 1], 5], 3]),
        json!(["==", ["<<", 1, 4], 16]),
        json!(["==", ["%", 17, 5], 2]),
        json!(["==", ["/", 17, 5], 3]),
        json!(["==", ["-", 2, 5], -3]),
        json!(["in", ["u16", 2], 7, 9]),
        json!(["among", ["u8", 1], [1, 0x60]]),
        json!(["not", ["among", ["u8", 1], [1, 2]]]),
        json!([
            "and",
            ["<", 1, 2],
            ["<=", 2, 2],
            [">", 3, 2],
            [">=", 3, 3],
            ["!=", 1, 2]
        ]),
        json!(["==", "first", 3]),
    ] {
        assert!(holds(&tree, &octets), "{tree}");
    }
}

#[test]
fn records_that_follow_one_another() {
    let length = json!(["+", ["u8", 1], 2]);
    let two = json!([">=", ["records", 0, length, ["==", ["u8", 0], 9]], 2]);
    let one = json!([">=", ["records", 0, length, ["==", ["u8", 0], 9]], 1]);
    let good = [9, 1, 0, 9, 2, 0, 0];
    assert!(holds(&two, &good));
    assert!(
        !holds(&two, &good[..6]),
        "a datagram ends inside the second"
    );
    assert!(!holds(&one, &good[..6]));
    assert!(stream(&one, &good[..6]), "a stream goes on");
    assert!(stream(&one, &good[..4]));
    assert!(!stream(&two, &good[..6]));
    assert!(
        !holds(&one, &[9, 1, 0, 8, 0]),
        "the second is of another kind"
    );
    assert!(!stream(&one, &[9, 1, 0, 8]));
    let nothing = json!([">=", ["records", 0, ["u8", 1], null], 1]);
    assert!(!holds(&nothing, &[9, 0, 0, 0]), "a record without a length");
    let many = [9, 0].repeat(1000);
    assert!(holds(
        &json!(["==", ["records", 0, length, null], 16]),
        &many
    ));
    assert!(holds(
        &json!(["==", ["records", 4000, length, null], 0]),
        &many
    ));
    assert!(!holds(
        &json!(["==", ["records", -1, length, null], 0]),
        &many
    ));
}

#[test]
fn what_is_no_expression_is_refused() {
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!(["+", deep, 1]);
    }
    let inner = json!(["records", 0, 1, null]);
    for tree in [
        json!(null),
        json!("length"),
        json!([]),
        json!([1, 2]),
        json!(["u128", 0]),
        json!(["+", 1]),
        json!(["+", 1, 2, 3]),
        json!(1.5),
        json!(["in", 1, "size", 2]),
        json!([">", ["records", 0, inner, null], 1]),
        deep,
    ] {
        assert!(Expression::new("", &tree).is_err(), "{tree}");
    }
}
