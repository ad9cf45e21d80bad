use super::*;
use crate::rdma::testing::*;

const SECOND: u64 = 1_000_000_000;

fn reasons(records: &[FlowRecord]) -> Vec<u8> {
    records
        .iter()
        .map(|record| record.end_reason as u8)
        .collect()
}

/// The data of a ConnectRequest, as far as the table needs it.
fn request(communication: u32, qp: u32, psn: u32) -> Vec<u8> {
    let mut data = vec![0; 52];
    data[..4].copy_from_slice(&communication.to_be_bytes());
    data[8..16].copy_from_slice(&0x0106_1144u64.to_be_bytes());
    data[32..36].copy_from_slice(&(qp << 8).to_be_bytes());
    data[44..48].copy_from_slice(&(psn << 8).to_be_bytes());
    data[50] = 0x30;
    data
}

fn reply(communication: u32, qp: u32, psn: u32) -> Vec<u8> {
    let mut data = vec![0; 24];
    data[4..8].copy_from_slice(&communication.to_be_bytes());
    data[12..16].copy_from_slice(&(qp << 8).to_be_bytes());
    data[20..24].copy_from_slice(&(psn << 8).to_be_bytes());
    data
}

fn connect(wire: &mut Wire, psn: u32) {
    wire.send(&management(A, B, 0x10, &request(5, QP_A, psn)));
    wire.send(&management(B, A, 0x13, &reply(5, QP_B, 77)));
    wire.send(&management(A, B, 0x14, &[0, 0, 0, 5]));
}

fn connections(records: Vec<FlowRecord>) -> Vec<FlowRecord> {
    let all = records.into_iter();
    all.filter(|record| rdma(record).service != service::UD)
        .collect()
}

#[test]
fn connection_management_joins_before_the_first_answer() {
    let mut wire = Wire::new();
    connect(&mut wire, 100);
    // The first packet was lost, which nothing but the handshake can say.
    wire.run(write(100, 4).into_iter().skip(1));
    wire.run([ack(103)]);
    let records = connections(wire.finish());
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(
        (rdma(record).joined_by, rdma(record).forward.unseen),
        (2, 1)
    );
    assert_eq!(
        (
            record.key.source_queue_pair,
            record.key.destination_queue_pair
        ),
        (QP_A, QP_B)
    );
    assert!(
        record
            .classification
            .fields
            .contains(&("port".to_owned(), "4420".to_owned()))
    );
}

#[test]
fn a_disconnect_ends_a_connection_and_its_numbers_can_be_used_again() {
    let mut wire = Wire::new();
    connect(&mut wire, 100);
    wire.run(write(100, 4));
    wire.run([ack(103)]);
    let mut data = vec![0; 12];
    data[..4].copy_from_slice(&9u32.to_be_bytes());
    data[8..12].copy_from_slice(&(QP_B << 8).to_be_bytes());
    wire.send(&management(A, B, 0x15, &data));
    assert!(connections(wire.connections.take()).is_empty());
    wire.send(&management(B, A, 0x16, &[0, 0, 0, 1, 0, 0, 0, 9]));
    let ended = connections(wire.connections.take());
    assert_eq!(reasons(&ended), [EndReason::EndOfFlow as u8]);
    wire.send(&management(A, B, 0x10, &request(6, QP_A, 40)));
    wire.send(&management(B, A, 0x13, &reply(6, QP_B, 7)));
    wire.run(write(40, 4));
    wire.run([ack(43)]);
    let records = connections(wire.finish());
    assert_eq!(records.len(), 1);
    let way = &rdma(&records[0]).forward;
    assert_eq!((way.duplicates, way.messages), (0, 1));
}

#[test]
fn a_handshake_ends_an_earlier_connection_of_the_same_numbers() {
    let mut wire = Wire::new();
    wire.run(write(9000, 4));
    wire.run([ack(9003)]);
    connect(&mut wire, 100);
    assert_eq!(
        reasons(&wire.connections.take()),
        [EndReason::EndOfFlow as u8]
    );
    // The reply once more ends nothing.
    wire.run(write(100, 4));
    wire.send(&management(B, A, 0x13, &reply(5, QP_B, 77)));
    assert!(wire.connections.take().is_empty());
}

#[test]
fn numbers_that_jump_are_of_another_connection() {
    let mut wire = Wire::new();
    wire.run(write(100, 4));
    wire.run([ack(103)]);
    wire.run(write(8_000_000, 4));
    assert_eq!(
        reasons(&wire.connections.take()),
        [EndReason::EndOfFlow as u8]
    );
    let mut answer = ack(8_000_003);
    answer.qp = QP_A + 1;
    wire.run([answer]);
    let records = wire.finish();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(
        (
            record.key.source_queue_pair,
            record.key.destination_queue_pair
        ),
        (QP_A + 1, QP_B)
    );
    assert_eq!(
        (rdma(record).forward.lost, rdma(record).forward.unseen),
        (0, 0)
    );
}

#[test]
fn numbers_that_begin_anew_after_a_silence_are_of_another_connection() {
    let mut wire = Wire::new();
    wire.run(write(0, 1000));
    wire.run([ack(999)]);
    let mut again = write(0, 10);
    again[0].after_ns = 2 * SECOND;
    wire.run(again);
    let records = wire.finish();
    assert_eq!(records.len(), 2);
    assert!(
        records
            .iter()
            .all(|record| rdma(record).forward.duplicates == 0)
    );
}

#[test]
fn silence_ends_a_connection() {
    let mut wire = Wire::new();
    wire.run(write(100, 4));
    wire.connections
        .expire(wire.now_ns, 10 * SECOND, 60 * SECOND);
    for _ in 0..20 {
        wire.now_ns += SECOND;
        wire.connections
            .expire(wire.now_ns, 10 * SECOND, 60 * SECOND);
    }
    assert_eq!(reasons(&wire.connections.take()), [EndReason::Idle as u8]);
    assert!(wire.connections.is_empty());
}

#[test]
fn a_packet_after_too_long_a_silence_begins_another_record() {
    let mut wire = Wire::new();
    wire.connections
        .expire(wire.now_ns, 10 * SECOND, 60 * SECOND);
    wire.run(write(100, 4));
    wire.run(
        write(104, 4)
            .into_iter()
            .take(1)
            .map(|sent| sent.after(11 * SECOND)),
    );
    assert_eq!(reasons(&wire.connections.take()), [EndReason::Idle as u8]);
}

#[test]
fn what_goes_on_is_told_and_counts_anew() {
    let mut wire = Wire::new();
    wire.connections
        .expire(wire.now_ns, 10 * SECOND, 60 * SECOND);
    for nth in 0..130 {
        wire.run(
            write(100 + nth, 1)
                .into_iter()
                .map(|sent| sent.after(SECOND)),
        );
    }
    let records = wire.connections.take();
    assert_eq!(reasons(&records), [2, 2]);
    let packets: u64 = records
        .iter()
        .chain(&wire.finish())
        .map(|record| record.forward.packets)
        .sum();
    assert_eq!(packets, 130);
    assert!(
        records
            .iter()
            .all(|record| rdma(record).forward.lost + rdma(record).forward.unseen == 0)
    );
    assert!(
        records
            .iter()
            .all(|record| record.end_ns - record.start_ns <= 60 * SECOND)
    );
}

#[test]
fn a_full_table_gives_up_the_small_ones_first() {
    let mut wire = Wire::with(ConnectionLimits {
        connections: 100,
        check_icrc_every: 0,
    });
    wire.run(write(100, 50));
    wire.run([ack(149)]);
    for nth in 0..10_000 {
        wire.send(&Sent::new(A, B, 0x1000 + nth, SEND_ONLY, nth * 7919).payload(8));
    }
    assert_eq!(wire.connections.len(), 100);
    assert_eq!(wire.connections.evicted(), 9901);
    let records = wire.finish();
    assert_eq!(records.len(), 10_001);
    let packets: u64 = records
        .iter()
        .map(|record| record.forward.packets + record.reverse.packets)
        .sum();
    assert_eq!(packets, 10_051, "every packet is in one record");
    let large = records
        .iter()
        .find(|record| record.forward.packets == 50)
        .unwrap();
    assert_eq!(large.end_reason, EndReason::Forced);
}

#[test]
fn any_packets_whatever_are_each_in_one_record() {
    let mut wire = Wire::with(ConnectionLimits {
        connections: 40,
        check_icrc_every: 1,
    });
    let mut seed = 7u64;
    let mut random = |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for _ in 0..60_000 {
        let (from, to) = (random(3) as u8, random(3) as u8);
        let opcode = [random(256) as u8, random(24) as u8, 0x11, 0x64][random(4) as usize];
        let psn = [random(1 << 24), random(64), random(5000)][random(3) as usize] as u32;
        let mut sent = Sent::new(from, to, random(6) as u32, opcode, psn);
        sent.after_ns = [0, 1000, 1_000_000, 30 * SECOND][random(4) as usize];
        sent.payload = [0, 1024, 4096, u64::from(u32::MAX) - 1000][random(4) as usize] as u32;
        sent.extended = (0..random(60)).map(|_| random(256) as u8).collect();
        sent.acknowledge = random(2) == 0;
        wire.send(&sent);
        wire.connections
            .expire(wire.now_ns, 20 * SECOND, 60 * SECOND);
        assert!(wire.connections.len() <= 40);
    }
    let packets: u64 = wire
        .finish()
        .iter()
        .map(|record| record.forward.packets + record.reverse.packets)
        .sum();
    assert_eq!(packets, 60_000);
    assert!(wire.connections.is_empty());
}
