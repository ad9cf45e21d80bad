//! READ requests and their answers, as seen through whole connections.

use crate::rdma::testing::*;

#[test]
fn a_read_takes_as_many_numbers_as_its_answer_has_packets() {
    let packets = vec![
        read(10, 4096),
        answer(ANSWER_FIRST, 10, 1024),
        answer(ANSWER_MIDDLE, 11, 1024),
        answer(ANSWER_MIDDLE, 12, 1024),
        answer(ANSWER_LAST, 13, 1024),
        read(14, 100),
        answer(ANSWER_ONLY, 14, 100),
        ask(SEND_ONLY, 15, 8),
        ack(15),
    ];
    let record = only(packets);
    let (asks, answers) = (&rdma(&record).forward, &rdma(&record).reverse);
    assert_eq!((asks.lost, asks.unseen, asks.duplicates), (0, 0, 0));
    assert_eq!((asks.messages, asks.message_octets), (1, 8));
    assert_eq!(
        (answers.lost, answers.unseen, answers.duplicates),
        (0, 0, 0)
    );
    assert_eq!((answers.messages, answers.message_octets), (2, 4196));
}

#[test]
fn reads_that_are_outstanding_at_once_are_no_gap_before_the_payload_of_a_packet_is_known() {
    let mut packets = vec![read(10, 3000), read(13, 3000), ask(SEND_ONLY, 16, 8)];
    for first in [10, 13] {
        packets.push(answer(ANSWER_FIRST, first, 1024));
        packets.push(answer(ANSWER_MIDDLE, first + 1, 1024));
        packets.push(answer(ANSWER_LAST, first + 2, 952));
    }
    packets.push(ack(16));
    let record = only(packets);
    let (asks, answers) = (&rdma(&record).forward, &rdma(&record).reverse);
    assert_eq!((asks.lost, asks.unseen), (0, 0));
    assert_eq!((answers.lost, answers.unseen), (0, 0));
    assert_eq!((answers.messages, answers.message_octets), (2, 6000));
}

#[test]
fn an_answer_that_is_not_asked_for_again_was_lost_by_the_mirror() {
    let packets = vec![
        read(10, 4096),
        answer(ANSWER_FIRST, 10, 1024),
        answer(ANSWER_LAST, 13, 1024),
        read(14, 2048),
        answer(ANSWER_FIRST, 14, 1024),
        read(16, 10),
        answer(ANSWER_ONLY, 16, 10),
    ];
    let way = reverse(packets);
    assert_eq!((way.lost, way.unseen), (0, 3));
    assert_eq!(way.message_octets, 4096 + 10 + 2048);
}

#[test]
fn an_answer_that_is_asked_for_again_was_lost_by_the_fabric() {
    let packets = vec![
        read(10, 4096),
        answer(ANSWER_FIRST, 10, 1024),
        answer(ANSWER_MIDDLE, 12, 1024),
        answer(ANSWER_LAST, 13, 1024),
        read(11, 3072),
        answer(ANSWER_FIRST, 11, 1024),
        answer(ANSWER_MIDDLE, 12, 1024),
        answer(ANSWER_LAST, 13, 1024),
    ];
    let record = only(packets);
    let (asks, way) = (&rdma(&record).forward, &rdma(&record).reverse);
    assert_eq!((way.lost, way.unseen, way.duplicates), (1, 0, 2));
    assert_eq!((way.fresh_octets, way.repeated_octets), (4096, 2048));
    assert_eq!(
        (asks.duplicates, way.messages, way.message_octets),
        (1, 1, 4096)
    );
}

#[test]
fn a_read_request_that_the_mirror_lost_is_one_number() {
    // After some answers it is certain that both ways are one.
    let mut packets: Vec<Sent> = (0..10)
        .flat_map(|psn| [ask(SEND_ONLY, psn, 8), ack(psn)])
        .collect();
    packets.extend([
        answer(ANSWER_FIRST, 10, 1024),
        answer(ANSWER_MIDDLE, 11, 1024),
        answer(ANSWER_LAST, 12, 1024),
        ask(SEND_ONLY, 13, 8),
        ack(13),
    ]);
    let way = forward(packets);
    assert_eq!((way.lost, way.unseen), (0, 1));
}
