//! Which ways become one connection.

use super::*;
use crate::rdma::testing::*;

/// A's queue pair `nth` sends `count` packets to B's from `psn` on.
fn asks(nth: u32, psn: u32, count: u32, port: u16) -> Vec<Sent> {
    let mut packets = write(psn, count);
    for sent in &mut packets {
        sent.qp = QP_B + nth;
        sent.port = port;
    }
    packets
}

fn acks(nth: u32, psn: u32, port: u16) -> Sent {
    let mut sent = ack(psn);
    sent.qp = QP_A + nth;
    sent.port = port;
    sent
}

/// Source and destination queue pairs of joined connections, ascending.
fn pairs(wire: &mut Wire) -> Vec<(u32, u32)> {
    let records = wire.finish();
    let joined = records.iter().filter(|record| rdma(record).joined_by != 0);
    let mut pairs: Vec<_> = joined
        .map(|record| {
            (
                record.key.source_queue_pair,
                record.key.destination_queue_pair,
            )
        })
        .collect();
    pairs.sort_unstable();
    pairs
}

#[test]
fn an_answer_joins_the_way_that_sent_its_number() {
    let mut wire = Wire::new();
    wire.run(asks(0, 100, 4, 0));
    wire.run(asks(1, 70_000, 4, 0));
    wire.run([acks(1, 70_003, 0), acks(0, 103, 0)]);
    assert_eq!(pairs(&mut wire), [(QP_A, QP_B), (QP_A + 1, QP_B + 1)]);
}

#[test]
fn the_source_port_that_linux_makes_of_both_numbers_decides() {
    let mut wire = Wire::new();
    let port = |nth| linux_source_port(QP_A + nth, QP_B + nth);
    // All begin with 0, and are acknowledged the other way round.
    for nth in 0..4 {
        wire.run(asks(nth, 0, 4, port(nth)));
    }
    for nth in (0..4).rev() {
        wire.run([acks(nth, 3, port(nth))]);
    }
    let expected: Vec<_> = (0..4).map(|nth| (QP_A + nth, QP_B + nth)).collect();
    assert_eq!(pairs(&mut wire), expected);
}

#[test]
fn doubt_is_cleared_by_an_answer_that_fits_only_one() {
    let mut wire = Wire::new();
    wire.run(asks(0, 0, 4, 0));
    wire.run(asks(1, 0, 4, 0));
    wire.run([acks(1, 3, 0)]);
    assert_eq!(wire.connections.len(), 3, "both could have been meant");
    wire.run(asks(1, 4, 4, 0));
    wire.run([acks(1, 7, 0), acks(0, 3, 0)]);
    assert_eq!(pairs(&mut wire), [(QP_A, QP_B), (QP_A + 1, QP_B + 1)]);
}

#[test]
fn after_many_doubts_the_earliest_wins() {
    let mut wire = Wire::new();
    wire.run(asks(0, 0, 4, 0));
    wire.run(asks(1, 0, 4, 0));
    for _ in 0..MAX_DOUBTS {
        wire.run([acks(0, 3, 0)]);
    }
    wire.run([acks(1, 3, 0)]);
    assert_eq!(pairs(&mut wire), [(QP_A, QP_B), (QP_A + 1, QP_B + 1)]);
}

#[test]
fn ways_that_were_joined_by_accident_are_parted() {
    let mut wire = Wire::new();
    // The mirror lost what queue pair 1 sent, so that its acknowledgement fits queue pair 0 alone.
    wire.run(asks(0, 0, 4, 0));
    wire.run([acks(1, 3, 0)]);
    wire.run(asks(1, 4, 8, 0));
    wire.run([acks(1, 11, 0), acks(1, 11, 0), acks(0, 3, 0)]);
    assert_eq!(pairs(&mut wire), [(QP_A, QP_B), (QP_A + 1, QP_B + 1)]);
}

#[test]
fn answers_to_what_was_never_sent_join_nothing() {
    let mut wire = Wire::new();
    wire.run(asks(0, 100, 4, 0));
    wire.run([acks(0, 99, 0), acks(0, 104, 0)]);
    let records = wire.finish();
    assert_eq!(records.len(), 2);
    let answers = records
        .iter()
        .find(|record| record.forward.packets == 0)
        .unwrap();
    assert_eq!(answers.key.source, [10, 0, 0, A], "who asks is the source");
    assert_eq!(
        (
            answers.key.source_queue_pair,
            answers.key.destination_queue_pair
        ),
        (QP_A, 0)
    );
    assert_eq!(answers.reverse.packets, 2);
}

#[test]
fn one_host_may_talk_to_itself() {
    let mut wire = Wire::new();
    let mut packets = asks(0, 100, 4, 0);
    packets.push(acks(0, 103, 0));
    for sent in &mut packets {
        (sent.from, sent.to) = (A, A);
    }
    wire.run(packets);
    assert_eq!(pairs(&mut wire), [(QP_A, QP_B)]);
}

#[test]
fn both_ends_may_ask() {
    let mut wire = Wire::new();
    wire.run(write(100, 4));
    let mut back = write(9_000_000, 4);
    for sent in &mut back {
        (sent.from, sent.to, sent.qp) = (B, A, QP_A);
    }
    wire.run(back);
    let mut answer = ack(9_000_003);
    (answer.from, answer.to, answer.qp) = (A, B, QP_B);
    wire.run([answer, ack(103)]);
    let records = wire.finish();
    assert_eq!(records.len(), 1);
    let (forward, reverse) = (&rdma(&records[0]).forward, &rdma(&records[0]).reverse);
    assert_eq!(
        (forward.message_octets, reverse.message_octets),
        (4096, 4096)
    );
    assert_eq!(
        (forward.unseen, reverse.unseen, forward.lost, reverse.lost),
        (0, 0, 0, 0)
    );
    assert_eq!(records[0].key.source, [10, 0, 0, A], "who asked first");
}
