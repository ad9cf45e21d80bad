//! What becomes of sequence numbers, as seen through whole connections.

use crate::rdma::testing::*;

const MS: u64 = 1_000_000;

/// `packets` without those whose number is in `missing`.
fn without(packets: Vec<Sent>, missing: &[u32]) -> Vec<Sent> {
    let kept = packets.into_iter();
    kept.filter(|sent| !missing.contains(&sent.psn)).collect()
}

fn joined(parts: &[&[Sent]]) -> Vec<Sent> {
    parts.concat()
}

#[test]
fn nothing_is_lost_where_nothing_is_missing() {
    let way = forward(joined(&[
        &write(10, 8),
        &[ack(17)],
        &write(18, 8),
        &[ack(25)],
    ]));
    assert_eq!((way.lost, way.unseen, way.duplicates), (0, 0, 0));
    assert_eq!((way.messages, way.message_octets), (2, 16_384));
    assert_eq!((way.fresh_octets, way.repeated_octets), (16_384, 0));
}

#[test]
fn what_is_acknowledged_without_having_been_seen_was_lost_by_the_mirror() {
    let way = forward(joined(&[&without(write(10, 8), &[12, 13]), &[ack(17)]]));
    assert_eq!((way.lost, way.unseen, way.duplicates), (0, 2, 0));
    assert_eq!((way.messages, way.message_octets), (1, 8192));
    let sent = forward(joined(&[&without(send(10, 8), &[12, 13]), &[ack(17)]]));
    assert_eq!(
        (sent.unseen, sent.messages, sent.message_octets),
        (2, 1, 8192)
    );
}

#[test]
fn the_end_of_a_message_that_the_mirror_lost_is_known_from_its_acknowledgement() {
    let packets = joined(&[
        &write(10, 4),
        &[ack(13)],
        &without(write(14, 8), &[21]),
        &[ack(21)],
        &write(22, 4),
        &[ack(25)],
    ]);
    let way = forward(packets);
    assert_eq!((way.lost, way.unseen), (0, 1));
}

#[test]
fn what_is_refused_was_lost_by_the_fabric_and_going_back_is_waste() {
    let packets = joined(&[
        &without(write(10, 8), &[12]),
        &[nak(12)],
        &write(10, 8)[2..],
        &[ack(17)],
    ]);
    let way = forward(packets.clone());
    assert_eq!((way.lost, way.unseen, way.duplicates), (1, 0, 5));
    assert_eq!((way.fresh_octets, way.repeated_octets), (8192, 5 * 1024));
    assert_eq!((way.messages, way.message_octets), (1, 8192));
    assert_eq!(reverse(packets).naks, [(0, 1)]);
}

#[test]
fn several_losses_in_a_row_are_each_counted() {
    let packets = joined(&[
        &without(write(10, 8), &[12, 13, 14]),
        &[nak(12)],
        &write(10, 8)[2..],
        &[ack(17)],
    ]);
    let way = forward(packets);
    assert_eq!((way.lost, way.unseen, way.duplicates), (3, 0, 3));
}

#[test]
fn a_retransmission_that_is_lost_again_is_asked_for_again() {
    let packets = joined(&[
        &without(write(10, 8), &[12]),
        &[nak(12)],
        &write(10, 8)[2..],
        &[nak(12)],
        &write(10, 8)[2..],
        &[ack(17)],
    ]);
    assert_eq!(forward(packets).lost, 2);
}

#[test]
fn what_was_seen_and_is_refused_was_lost_behind_the_mirror() {
    let packets = joined(&[&write(10, 8), &[nak(12)], &write(10, 8)[2..], &[ack(17)]]);
    let way = forward(packets);
    assert_eq!((way.lost, way.unseen, way.duplicates), (1, 0, 6));
    assert_eq!((way.messages, way.fresh_octets), (1, 8192));
}

#[test]
fn a_refusal_that_is_repeated_counts_one_loss() {
    let packets = joined(&[
        &write(10, 8),
        &[nak(12), nak(12)],
        &write(10, 8)[2..],
        &[ack(17)],
    ]);
    assert_eq!(forward(packets).lost, 1);
}

#[test]
fn what_a_timer_sends_again_was_lost_by_the_fabric() {
    let mut again = write(10, 8)[2..].to_vec();
    again[0].after_ns = 5 * MS;
    let packets = joined(&[&without(write(10, 8), &[12]), &again, &[ack(17)]]);
    let way = forward(packets);
    assert_eq!((way.lost, way.unseen, way.duplicates), (1, 0, 5));
}

#[test]
fn going_back_at_once_without_a_refusal_seen_is_a_loss_too() {
    let packets = joined(&[
        &without(write(10, 8), &[12, 13]),
        &write(10, 8)[2..],
        &[ack(17)],
    ]);
    let way = forward(packets);
    assert_eq!((way.lost, way.unseen, way.duplicates), (2, 0, 4));
}

#[test]
fn out_of_order_is_neither_lost_nor_unseen() {
    let mut packets = write(10, 8);
    packets.swap(3, 4);
    packets.push(ack(17));
    let way = forward(packets);
    assert_eq!((way.lost, way.unseen, way.duplicates), (0, 0, 0));
    assert_eq!((way.messages, way.message_octets), (1, 8192));
}

#[test]
fn a_refusal_of_what_came_out_of_order_is_no_loss() {
    let mut packets = write(10, 8);
    packets.swap(3, 4);
    packets.push(nak(13));
    packets.extend(write(10, 8)[3..].to_vec());
    packets.push(ack(17));
    assert_eq!(forward(packets).lost, 0);
}

#[test]
fn numbers_wrap() {
    let packets = joined(&[
        &without(write(0xff_fffc, 8), &[0xff_ffff, 0]),
        &[ack(3)],
        &without(write(4, 8), &[6]),
        &[nak(6)],
        &write(4, 8)[2..],
        &[ack(11)],
    ]);
    let way = forward(packets);
    assert_eq!((way.lost, way.unseen, way.duplicates), (1, 2, 5));
    assert_eq!((way.messages, way.message_octets), (2, 16_384));
}

#[test]
fn a_receiver_that_is_not_ready_loses_nothing() {
    let packets = joined(&[
        &send(10, 1),
        &[rnr_nak(10)],
        &send(10, 1),
        &[rnr_nak(10)],
        &send(10, 1),
        &[ack(10)],
    ]);
    let record = only(packets);
    let (way, answers) = (&rdma(&record).forward, &rdma(&record).reverse);
    assert_eq!((way.lost, way.unseen, way.duplicates), (0, 0, 2));
    assert_eq!((answers.rnr_naks, answers.naks.len()), (2, 0));
    assert_eq!((way.messages, way.repeated_octets), (1, 2048));
}

#[test]
fn messages_around_a_loss_have_their_sizes() {
    // ONLY 10, FIRST 11 MIDDLE 12 LAST 13, ONLY 14: ONLY 10, FIRST 11 and MIDDLE 12 are lost, then sent again.
    let all = joined(&[&send(9, 1), &send(10, 1), &send(11, 3), &send(14, 1)]);
    let packets = joined(&[
        &without(all.clone(), &[10, 11, 12]),
        &[nak(10)],
        &all[1..],
        &[ack(14)],
    ]);
    let way = forward(packets);
    assert_eq!(
        (way.lost, way.messages, way.message_octets),
        (3, 4, 6 * 1024)
    );
    assert_eq!((way.message_min, way.message_max), (1024, 3072));
    assert_eq!(way.message_sizes[11], 3);
    assert_eq!(way.message_sizes[12], 1);
}

#[test]
fn a_last_packet_that_was_lost_ends_its_message_when_it_comes() {
    let all = joined(&[&send(10, 4), &send(14, 4)]);
    let packets = joined(&[
        &without(all.clone(), &[13]),
        &[nak(13)],
        &all[3..],
        &[ack(17)],
    ]);
    let way = forward(packets);
    assert_eq!((way.lost, way.messages, way.message_octets), (1, 2, 8192));
}

#[test]
fn a_write_whose_end_and_the_next_ones_begin_the_mirror_lost_counts() {
    let all = joined(&[&write(10, 4), &write(14, 6)]);
    let packets = joined(&[&without(all, &[13, 14]), &[ack(19)]]);
    let way = forward(packets);
    assert_eq!(
        (way.unseen, way.messages, way.message_octets),
        (2, 2, 10_240)
    );
}

#[test]
fn of_what_nothing_acknowledges_all_that_is_missing_is_lost() {
    let unreliable = |mut sent: Sent| {
        sent.opcode |= 0x20;
        sent
    };
    let packets = without(write(10, 8), &[12, 13]).into_iter().map(unreliable);
    let way = forward(packets);
    assert_eq!((way.lost, way.unseen), (2, 0));
}

#[test]
fn a_capture_that_ends_too_soon_says_nothing_of_its_last_gap() {
    let packets = joined(&[&write(10, 4), &[ack(13)], &without(write(14, 8), &[16])]);
    let way = forward(packets);
    assert_eq!((way.lost, way.unseen), (0, 0));
}

#[test]
fn more_gaps_than_are_followed_are_still_counted() {
    let missing: Vec<u32> = (0..100).map(|nth| 12 + 4 * nth).collect();
    let mut packets = without(write(10, 500), &missing);
    packets.push(ack(509));
    let way = forward(packets);
    assert_eq!((way.lost, way.unseen), (0, 100));
}
