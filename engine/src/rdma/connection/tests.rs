//! What a record says of a connection.

use crate::rdma::testing::*;

#[test]
fn both_ways_are_counted() {
    let mut packets = write(10, 4);
    packets[1].ecn = 3;
    packets.push(cnp(B, A, QP_A));
    packets.push(ack(13));
    let record = only(packets);
    assert_eq!(record.key.source, [10, 0, 0, A]);
    assert_eq!(record.key.destination, [10, 0, 0, B]);
    assert_eq!(
        (
            record.key.source_queue_pair,
            record.key.destination_queue_pair
        ),
        (QP_A, QP_B)
    );
    assert_eq!(
        (
            record.key.protocol,
            record.key.destination_port,
            record.key.source_port
        ),
        (17, 4791, 0)
    );
    assert_eq!((record.forward.packets, record.reverse.packets), (4, 2));
    assert_eq!(
        (record.forward.ecn_capable, record.forward.ecn_marked),
        (4, 1)
    );
    assert_eq!(record.forward.payload_octets, 4096);
    assert_eq!(record.forward.dscp, 26);
    let rdma = rdma(&record);
    assert_eq!((rdma.link, rdma.service, rdma.joined_by), (0, 0, 1));
    assert_eq!(
        rdma.forward.opcodes,
        [(WRITE_FIRST, 1), (WRITE_MIDDLE, 2), (WRITE_LAST, 1)]
    );
    assert_eq!(rdma.reverse.opcodes, [(ACK, 1), (0x81, 1)]);
    assert_eq!((rdma.reverse.cnps, rdma.forward.cnps), (1, 0));
    assert_eq!(
        (rdma.forward.message_min, rdma.forward.message_max),
        (4096, 4096)
    );
}

#[test]
fn a_notification_belongs_to_the_connection_that_it_throttles() {
    let mut wire = Wire::new();
    for (nth, psn) in [(0, 10), (1, 500)] {
        let mut packets = write(psn, 2);
        packets.push(ack(psn + 1));
        for sent in &mut packets {
            sent.qp += nth;
        }
        wire.run(packets);
    }
    wire.run([cnp(B, A, QP_A + 1), cnp(B, A, QP_A + 1), cnp(B, A, QP_A)]);
    let mut cnps: Vec<_> = wire
        .finish()
        .iter()
        .map(|record| (record.key.source_queue_pair, rdma(record).reverse.cnps))
        .collect();
    cnps.sort_unstable();
    assert_eq!(cnps, [(QP_A, 1), (QP_A + 1, 2)]);
}

#[test]
fn a_notification_that_comes_before_anything_else_is_kept() {
    let mut packets = vec![cnp(B, A, QP_A)];
    packets.extend(write(10, 2));
    packets.push(ack(11));
    let record = only(packets);
    assert_eq!((rdma(&record).reverse.cnps, rdma(&record).service), (1, 0));
    let alone = only([cnp(B, A, QP_A)]);
    assert_eq!(rdma(&alone).service, 4);
    assert_eq!(alone.key.source, [10, 0, 0, A]);
}

#[test]
fn atomics_have_answers_of_eight_octets() {
    let mut swap = ask(0x13, 10, 0);
    swap.extended = vec![0; 28];
    let mut old = answer(0x12, 10, 8);
    old.extended = vec![0; 4];
    let record = only([swap, old, ask(SEND_ONLY, 11, 8), ack(11)]);
    let (asks, answers) = (&rdma(&record).forward, &rdma(&record).reverse);
    assert_eq!((answers.messages, answers.message_octets), (1, 8));
    assert_eq!((asks.messages, asks.unseen, asks.lost), (1, 0, 0));
}

#[test]
fn datagrams_are_told_apart_by_both_queue_pairs() {
    let datagram = |from_qp: u8| {
        let mut sent = Sent::new(A, B, QP_B, 0x64, 7).payload(100);
        sent.extended = vec![0, 0, 0, 1, 0, 0, 0, from_qp];
        sent
    };
    let mut wire = Wire::new();
    wire.run([datagram(1), datagram(2), datagram(1)]);
    let mut records = wire.finish();
    records.sort_by_key(|record| record.key.source_queue_pair);
    let found: Vec<_> = records
        .iter()
        .map(|record| (record.key.source_queue_pair, record.forward.packets))
        .collect();
    assert_eq!(found, [(1, 2), (2, 1)]);
    let way = &rdma(&records[0]).forward;
    assert_eq!(
        (way.messages, way.message_octets, way.duplicates),
        (2, 200, 0)
    );
    assert_eq!(
        (rdma(&records[0]).service, rdma(&records[0]).joined_by),
        (3, 0)
    );
}

#[test]
fn every_refusal_is_counted_by_its_kind() {
    let mut packets = write(10, 2);
    packets.extend([
        acknowledge(0x61, 10),
        acknowledge(0x62, 11),
        acknowledge(0x61, 11),
    ]);
    let record = only(packets);
    assert_eq!(rdma(&record).reverse.naks, [(1, 2), (2, 1)]);
    assert_eq!(rdma(&record).forward.lost, 0);
}

#[test]
fn a_connection_takes_no_more_than_limits_say() {
    assert!(size_of::<crate::rdma::connection::Connection>() <= 3 * 1024);
}
