//! The table with settings that make every timeout short, through the packets that a decoder would give.

use foldhash::quality::FixedState;

use super::room::{MAX_SAMPLING, sampling};
use super::*;
use crate::flows::key::{ACK, FIN, RST, SYN};
use crate::flows::record::FlowRecord;
use crate::flows::testing::{MS, SECOND, START, UDP, tcp, through, udp};
use crate::packets::TunnelKind;

const CLIENT: (u8, u16) = (2, 40_000);
const SERVER: (u8, u16) = (1, 443);

struct Bench {
    table: Table<FixedState>,
    out: Outbox,
}

fn settings() -> MeterSettings {
    MeterSettings {
        max_flows: 1000,
        idle_ns: 10 * SECOND,
        active_ns: 30 * SECOND,
        linger_ns: Some(SECOND),
        ..MeterSettings::default()
    }
}

impl Bench {
    fn new(settings: MeterSettings) -> Self {
        let out = Outbox::new(settings.max_records);
        let table = Table::new(settings, FixedState::with_seed(7));
        Self { table, out }
    }

    fn observe(&mut self, packets: &[Packet<'_>]) -> usize {
        let mut counted = 0;
        for packet in packets {
            let session = self.out.books.mirrors.observe(&packet.mirror);
            counted += usize::from(self.table.observe(packet, session, None, &mut self.out));
        }
        counted
    }

    fn taken(&mut self) -> Vec<FlowRecord> {
        std::mem::take(&mut self.out.records)
    }

    /// Everything, in order of time.
    fn finished(mut self) -> Vec<FlowRecord> {
        assert!(self.table.finish(None, &mut self.out));
        assert_eq!(self.table.len(), 0);
        let mut records = self.taken();
        records.sort_by_key(|record| (record.start_ns, record.end_reason as u8));
        records
    }
}

fn told(packets: &[Packet<'_>]) -> Vec<FlowRecord> {
    let mut bench = Bench::new(settings());
    assert_eq!(bench.observe(packets), packets.len());
    bench.finished()
}

/// Packets both ways, end reason.
fn outline(records: &[FlowRecord]) -> Vec<(u64, u64, EndReason)> {
    let outline = |record: &FlowRecord| {
        (
            record.forward.packets,
            record.reverse.packets,
            record.end_reason,
        )
    };
    records.iter().map(outline).collect()
}

#[test]
fn both_ways_are_one_flow() {
    let mut marked = udp(START + MS, SERVER, CLIENT);
    marked.network.ecn = 3;
    marked.network.dscp = 26;
    let records = told(&[
        udp(START, CLIENT, SERVER),
        marked,
        udp(START + 2 * MS, CLIENT, SERVER),
    ]);
    assert_eq!(outline(&records), [(2, 1, EndReason::Forced)]);
    let FlowRecord {
        key,
        forward,
        reverse,
        ..
    } = &records[0];
    assert_eq!(
        (&key.source[..], &key.destination[..]),
        (&[10, 0, 0, 2][..], &[10, 0, 0, 1][..])
    );
    assert_eq!(
        (key.source_port, key.destination_port, key.protocol),
        (40_000, 443, UDP)
    );
    assert_eq!(
        (forward.octets, forward.payload_octets, forward.dscp),
        (200, 100, 10)
    );
    assert_eq!((forward.first_ns, forward.last_ns), (START, START + 2 * MS));
    assert_eq!(
        (reverse.ecn_capable, reverse.ecn_marked, reverse.dscp),
        (1, 1, 26)
    );
    assert_eq!(
        (records[0].start_ns, records[0].end_ns),
        (START, START + 2 * MS)
    );
    assert_eq!((records[0].sampling, records[0].visibility), (1, 1.0));
    let sizes = |counts: &[u32]| counts.iter().sum::<u32>();
    let features = &records[0].features;
    assert_eq!(
        (
            sizes(&features.sizes_forward),
            sizes(&features.sizes_reverse)
        ),
        (2, 1)
    );
}

#[test]
fn who_began_is_told_by_syn_then_by_ports() {
    let source = |packets: &[Packet<'_>]| told(packets)[0].key.source_port;
    // From the lower port, against its order.
    let odd = (3, 30);
    assert_eq!(source(&[tcp(START, odd, SERVER, SYN, 1)]), 30);
    assert_eq!(source(&[tcp(START, odd, CLIENT, SYN | ACK, 1)]), 40_000);
    assert_eq!(source(&[tcp(START, SERVER, CLIENT, ACK, 1)]), 40_000);
    assert_eq!(
        source(&[
            tcp(START, SERVER, odd, ACK, 1),
            tcp(START + 1, odd, SERVER, SYN, 1)
        ]),
        30
    );
    assert_eq!(source(&[udp(START, SERVER, CLIENT)]), 40_000);
    assert_eq!(source(&[udp(START, (1, 5000), (2, 4000))]), 5000);
    assert_eq!(source(&[udp(START, (1, 4000), (2, 5000))]), 4000);
}

#[test]
fn a_question_of_icmp_and_its_answer_are_one_flow() {
    let echo = |time, from: u8, to: u8, kind: u16| {
        let mut packet = udp(time, (from, kind << 8), (to, 0));
        packet.network.protocol = 1;
        packet
    };
    let records = told(&[echo(START, 1, 2, 8), echo(START + 1, 2, 1, 0)]);
    assert_eq!(outline(&records), [(1, 1, EndReason::Forced)]);
    assert_eq!(
        (records[0].key.source_port, records[0].key.destination_port),
        (0x800, 0)
    );
    let records = told(&[echo(START, 2, 1, 0)]);
    assert_eq!(outline(&records), [(0, 1, EndReason::Forced)]);
}

#[test]
fn vlans_and_overlays_split_flows_and_mirrors_do_not() {
    let there = udp(START, CLIENT, SERVER);
    let mut tagged = there;
    tagged.vlan = 3;
    let back = udp(START + 1, SERVER, CLIENT);
    let records = told(&[
        through(there, TunnelKind::Erspan2, 5, Some(4)),
        through(back, TunnelKind::Erspan3, 9, Some(70)),
        through(there, TunnelKind::Erspan2, 5, Some(7)),
        tagged,
        through(there, TunnelKind::Vxlan, 1, None),
        through(there, TunnelKind::Vxlan, 2, None),
    ]);
    let mut packets: Vec<_> = records
        .iter()
        .map(|r| (r.forward.packets, r.reverse.packets))
        .collect();
    packets.sort_unstable();
    assert_eq!(packets, [(1, 0), (1, 0), (1, 0), (2, 1)]);
    let mirrored = records
        .iter()
        .find(|record| record.forward.packets == 2)
        .unwrap();
    assert_eq!((mirrored.key.tunnel, mirrored.key.tunnel_id), (4, 5));
    // Seen 4, 7 and 70; not 5 and 6.
    assert_eq!(mirrored.visibility, 0.6);
}

#[test]
fn silence_ends_a_flow_when_another_one_moves_time() {
    let mut bench = Bench::new(settings());
    bench.observe(&[udp(START, CLIENT, SERVER)]);
    for second in 1..=9 {
        bench.observe(&[udp(START + second * SECOND, (9, 9999), SERVER)]);
    }
    assert!(bench.taken().is_empty());
    bench.observe(&[udp(START + 11 * SECOND, (9, 9999), SERVER)]);
    assert_eq!(outline(&bench.taken()), [(1, 0, EndReason::Idle)]);
    bench
        .table
        .advance(START + 60 * SECOND, None, &mut bench.out);
    assert_eq!(outline(&bench.taken()), [(10, 0, EndReason::Idle)]);
    assert_eq!(bench.table.len(), 0);
}

#[test]
fn a_packet_after_a_timeout_begins_another_flow() {
    let packets = [0, 9, 20].map(|second| udp(START + second * SECOND, CLIENT, SERVER));
    let records = told(&packets);
    assert_eq!(
        outline(&records),
        [(2, 0, EndReason::Idle), (1, 0, EndReason::Forced)]
    );
}

#[test]
fn a_flow_that_goes_on_is_told_every_active_timeout() {
    let packets: Vec<_> = (0..70)
        .map(|second| udp(START + second * SECOND, CLIENT, SERVER))
        .collect();
    let records = told(&packets);
    let parts = [
        (30, 0, EndReason::Active),
        (30, 0, EndReason::Active),
        (10, 0, EndReason::Forced),
    ];
    assert_eq!(outline(&records), parts);
    assert_eq!(records[1].start_ns, START + 30 * SECOND);
    assert_eq!(records[1].forward.first_ns, START + 30 * SECOND);
    // The same when the table looks by itself.
    let mut bench = Bench::new(settings());
    for packet in &packets {
        bench.observe(std::slice::from_ref(packet));
        bench
            .table
            .advance(packet.time_ns + SECOND / 2, None, &mut bench.out);
    }
    assert_eq!(outline(&bench.finished()), parts);
}

#[test]
fn the_last_acknowledgement_belongs_to_the_flow_and_a_fresh_syn_does_not() {
    let connection = |at: u64, sequence: u32| {
        [
            tcp(at, CLIENT, SERVER, SYN, sequence),
            tcp(at + MS, SERVER, CLIENT, SYN | ACK, 7),
            tcp(at + 2 * MS, CLIENT, SERVER, ACK, sequence + 1),
            tcp(at + 3 * MS, CLIENT, SERVER, FIN | ACK, sequence + 1),
            tcp(at + 4 * MS, SERVER, CLIENT, FIN | ACK, 8),
            tcp(at + 5 * MS, CLIENT, SERVER, ACK, sequence + 2),
        ]
    };
    let mut packets = connection(START, 100).to_vec();
    packets.extend(connection(START + 100 * MS, 90_000));
    // Past the linger: neither SYN nor FIN, so nothing is known of who began but the ports.
    packets.push(tcp(START + 3 * SECOND, SERVER, CLIENT, ACK, 9));
    let end = EndReason::EndOfFlow;
    let records = told(&packets);
    assert_eq!(
        outline(&records),
        [(4, 2, end), (4, 2, end), (0, 1, EndReason::Forced)]
    );
    let handshakes: Vec<_> = records
        .iter()
        .map(|r| r.tcp.as_ref().unwrap().handshake_ns)
        .collect();
    assert_eq!(handshakes, [2 * MS, 2 * MS, 0]);
    let mut settings = settings();
    settings.linger_ns = None;
    let mut bench = Bench::new(settings);
    bench.observe(&packets);
    assert_eq!(outline(&bench.finished()), [(8, 5, EndReason::Forced)]);
}

#[test]
fn a_reset_ends_and_the_same_syn_again_is_no_other_flow() {
    let records = told(&[
        tcp(START, CLIENT, SERVER, SYN, 5),
        tcp(START + MS, SERVER, CLIENT, RST | ACK, 0),
        tcp(START + 500 * MS, CLIENT, SERVER, SYN, 5),
        tcp(START + 600 * MS, CLIENT, SERVER, SYN, 6),
    ]);
    assert_eq!(
        outline(&records),
        [(2, 1, EndReason::EndOfFlow), (1, 0, EndReason::Forced)]
    );
    assert_eq!(records[0].tcp.as_ref().unwrap().reverse.resets, 1);
}

#[test]
fn a_closed_flow_leaves_after_its_linger() {
    let mut bench = Bench::new(settings());
    bench.observe(&[
        tcp(START, CLIENT, SERVER, SYN, 5),
        tcp(START, SERVER, CLIENT, RST, 0),
    ]);
    bench
        .table
        .advance(START + 2 * SECOND, None, &mut bench.out);
    assert_eq!(outline(&bench.taken()), [(1, 1, EndReason::EndOfFlow)]);
}

#[test]
fn time_that_goes_back_a_little_changes_nothing_and_a_jump_ends_flows() {
    let at = |ns| udp(ns, CLIENT, SERVER);
    let records = told(&[at(START + SECOND), at(START), at(START + 2 * SECOND)]);
    assert_eq!(outline(&records), [(3, 0, EndReason::Forced)]);
    assert_eq!(
        (records[0].start_ns, records[0].end_ns),
        (START, START + 2 * SECOND)
    );
    let mut bench = Bench::new(settings());
    bench.observe(&[at(START), at(5), at(u64::MAX), at(START), at(0)]);
    bench.observe(&[udp(START, (8, 8), (9, 9)), udp(SECOND, (8, 8), (9, 9))]);
    assert_eq!(bench.out.books.rewinds, 4);
    assert_eq!(bench.finished().len(), 7);
}

/// `count` flows of one packet each.
fn flood(time_ns: u64, count: u16) -> Vec<Packet<'static>> {
    (0..count)
        .map(|port| udp(time_ns, (77, port), (78, 53)))
        .collect()
}

#[test]
fn a_flood_is_sampled_and_the_old_flows_stay() {
    let mut bench = Bench::new(settings());
    let old: Vec<_> = (0..100)
        .map(|port| udp(START, (5, 2000 + port), (6, 80)))
        .collect();
    bench.observe(&old);
    bench.observe(&old);
    let counted = bench.observe(&flood(START + SECOND, 60_000));
    assert!((650..2000).contains(&counted), "{counted}");
    assert!(bench.table.len() <= 1000);
    assert!(bench.table.sampling() >= 8);
    assert_eq!(bench.observe(&old), 100);
    let told = bench.out.books.flows.told[EndReason::LackOfResources as usize - 1];
    let records = bench.finished();
    let whole = records.iter().filter(|record| record.forward.packets == 3);
    assert_eq!(whole.count(), 100);
    let evicted = records
        .iter()
        .filter(|r| r.end_reason == EndReason::LackOfResources)
        .count();
    assert_eq!(evicted as u64, told);
    // The estimate by sampling rates is near the truth.
    let flood = records.iter().filter(|record| record.forward.packets == 1);
    let estimate: u32 = flood.map(|record| record.sampling).sum();
    assert!((45_000..75_000).contains(&estimate), "{estimate}");
}

#[test]
fn a_full_table_lets_a_single_packet_go_or_the_longest_silent() {
    let mut bench = Bench::new(MeterSettings {
        max_flows: 3,
        ..settings()
    });
    for (port, second) in [(1, 0), (1, 1), (2, 2), (3, 3), (4, 4)] {
        bench.observe(&[udp(START + second * SECOND, CLIENT, (1, port))]);
    }
    let records = bench.taken();
    assert_eq!(outline(&records), [(1, 0, EndReason::LackOfResources)]);
    assert_eq!(records[0].key.destination_port, 2);
    // Now all have more than one packet, and two of them are silent.
    let at = START + 8 * SECOND;
    bench.observe(&[3, 4].map(|port| udp(at, CLIENT, (1, port))));
    bench.observe(&[udp(at, CLIENT, (1, 5))]);
    let records = bench.taken();
    assert_eq!(outline(&records), [(2, 0, EndReason::LackOfResources)]);
    assert_eq!(records[0].key.destination_port, 1);
    bench.observe(&[udp(at, CLIENT, (1, 5))]);
    assert_eq!(bench.observe(&[udp(at, CLIENT, (1, 6))]), 0);
    assert_eq!(bench.table.len(), 3);
}

#[test]
fn the_rate_doubles_with_every_halving_of_the_room() {
    let rates = [0, 750, 751, 875, 938, 999, 1000, 2000].map(|count| sampling(1000, count));
    assert_eq!(rates, [1, 1, 2, 4, 8, 256, 256, 256]);
    assert_eq!(sampling(u32::MAX, u32::MAX as usize), MAX_SAMPLING);
    assert_eq!([0, 1, 2].map(|count| sampling(2, count)), [1, 1, 1]);
}

#[test]
fn without_room_for_records_nothing_expires_and_what_must_be_told_is_dropped() {
    let mut bench = Bench::new(MeterSettings {
        max_records: 2,
        ..settings()
    });
    bench.observe(&flood(START, 5));
    bench
        .table
        .advance(START + 60 * SECOND, None, &mut bench.out);
    assert_eq!((bench.out.records.len(), bench.table.len()), (2, 3));
    bench.observe(&flood(START + 60 * SECOND, 5));
    assert_eq!(
        (
            bench.out.books.records_dropped,
            bench.out.books.dropped.packets
        ),
        (3, 3)
    );
    assert!(!bench.table.finish(None, &mut bench.out));
    bench.taken();
    assert!(!bench.table.finish(None, &mut bench.out));
    bench.taken();
    assert!(!bench.table.finish(None, &mut bench.out));
    bench.taken();
    assert!(bench.table.finish(None, &mut bench.out));
}
