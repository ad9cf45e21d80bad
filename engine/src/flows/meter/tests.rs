use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::flows::key::{ACK, FIN, RST, SYN};
use crate::flows::record::EndReason;
use crate::flows::testing::{MS, SECOND, START, tcp, through, udp};
use crate::packets::{LinkType, Undecodable};

fn small() -> MeterSettings {
    MeterSettings {
        max_flows: 16,
        idle_ns: 10 * SECOND,
        active_ns: 30 * SECOND,
        linger_ns: Some(SECOND),
        ..MeterSettings::default()
    }
}

fn all(meter: &mut Meter) -> Vec<FlowRecord> {
    assert!(meter.finish());
    meter.take()
}

fn frame(octets: &[u8]) -> Frame<'_> {
    Frame {
        time_ns: START,
        wire_octets: 1000,
        link: LinkType::ETHERNET,
        octets,
        stripped_vlan: None,
    }
}

/// A broadcast frame of that type.
fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut octets = vec![0xff; 6];
    octets.extend([2, 0, 0, 0, 0, 1]);
    octets.extend(ether_type.to_be_bytes());
    octets.extend(payload);
    octets
}

#[test]
fn settings_are_checked() {
    let from = |text: &str| MeterSettings::from_json(text.as_bytes());
    assert_eq!(from("{}"), Ok(MeterSettings::default()));
    assert_eq!(from(r#"{"linger_ns": null}"#).unwrap().linger_ns, None);
    let error = from(r#"{"max_flows": 0}"#).unwrap_err();
    assert_eq!(
        error,
        "settings of the meter: max_flows is 0, and may be 1 to 16777216"
    );
    assert!(
        from(r#"{"idle": 1}"#)
            .unwrap_err()
            .contains("unknown field `idle`")
    );
    assert!(from("[").is_err());
}

#[test]
fn frames_that_cannot_be_decoded_are_counted() {
    let mut meter = Meter::new(small(), None);
    meter.observe(&frame(&[0; 5]));
    let mut odd = frame(&[]);
    odd.link = LinkType(9999);
    meter.observe(&odd);
    let books = meter.books();
    assert_eq!(
        (books.packets.packets, books.undecodable.total().octets),
        (2, 2000)
    );
    assert_eq!(books.undecodable.of(Undecodable::Truncated).packets, 1);
    assert_eq!(
        books.undecodable.of(Undecodable::UnknownLinkType).packets,
        1
    );
}

#[test]
fn pause_frames_are_counted_by_priority() {
    let mut meter = Meter::new(small(), None);
    let pfc = |enabled: u16, quanta: u16| {
        let mut control = vec![1, 1];
        control.extend(enabled.to_be_bytes());
        for _ in 0..8 {
            control.extend(quanta.to_be_bytes());
        }
        ethernet(0x8808, &control)
    };
    for octets in [
        pfc(0b1000, 0xffff),
        pfc(0b1001, 10),
        pfc(0b1000, 0),
        ethernet(0x8808, &[0, 1, 0, 5]),
        ethernet(0x8808, &[1, 1, 0]),
        ethernet(0x88cc, &[]),
    ] {
        meter.observe(&frame(&octets));
    }
    let books = meter.books();
    let pause = books.pauses.of([2, 0, 0, 0, 0, 1]);
    assert_eq!(pause.frames, [1, 0, 0, 2, 0, 0, 0, 0, 1]);
    assert_eq!(pause.quanta, [10, 0, 0, 65_545, 0, 0, 0, 0, 5]);
    assert_eq!((pause.resumes[3], books.pauses.unknown), (1, 1));
    assert_eq!(books.ether_types.of(0x8808).packets, 5);
    assert_eq!(books.ether_types.of(0x88cc).octets, 1000);
    let records = all(&mut meter);
    let mut types: Vec<_> = records
        .iter()
        .map(|record| (record.key.ether_type, record.forward.packets))
        .collect();
    types.sort_unstable();
    assert_eq!(types, [(0x8808, 5), (0x88cc, 1)]);
}

#[test]
fn what_the_mirror_lost_is_in_the_books_and_in_the_record() {
    let mut meter = Meter::new(small(), None);
    for sequence in [1, 2, 4, 8] {
        let packet = udp(START, (1, 1), (2, 2));
        let packet = through(packet, TunnelKind::Erspan2, 3, Some(sequence));
        meter.observe_packet(&packet);
    }
    let mirror = &meter.books().mirrors.sessions()[0];
    assert_eq!(
        (mirror.seen, mirror.missing, mirror.visibility()),
        (4, 4, 0.5)
    );
    assert_eq!(meter.books().tunnels[TunnelKind::Erspan2 as usize], 4);
    assert_eq!(all(&mut meter)[0].visibility, 0.5);
}

#[test]
fn payload_is_looked_at_until_it_is_settled_and_new_rules_lose_no_flow() {
    let rules = |name: &str| Arc::new(rules_for(name));
    let mut meter = Meter::new(
        MeterSettings {
            max_inspections: 2,
            ..small()
        },
        Some(rules("old")),
    );
    let with = |port, payload: &'static [u8]| {
        let mut packet = udp(START, (1, port), (2, 2000));
        packet.payload = payload;
        packet.payload_octets = payload.len() as u32;
        packet
    };
    meter.observe_packet(&with(3000, b"unclear"));
    meter.observe_packet(&with(3001, b""));
    let mut answer = udp(START, (2, 2000), (1, 3001));
    answer.payload = b"unclear";
    meter.observe_packet(&answer);
    meter.observe_packet(&with(3002, b"old: no room"));
    meter.set_classifier(rules("new"));
    // Known by the rules it began with, and makes room.
    meter.observe_packet(&with(3001, b"old: settles"));
    meter.observe_packet(&with(3003, b"new: settles"));
    meter.observe_packet(&with(3004, b"old: unknown now"));
    meter.observe_packet(&with(3005, b""));
    assert_eq!(meter.books().flows.not_inspected, 1);
    let mut records = all(&mut meter);
    records.sort_by_key(|record| record.key.source_port);
    let labels: Vec<_> = records
        .iter()
        .map(|record| &record.classification)
        .map(|verdict| (verdict.label.as_str(), verdict.packets))
        .collect();
    assert_eq!(
        labels,
        [("", 1), ("old", 2), ("", 0), ("new", 1), ("", 1), ("", 0)]
    );
}

/// One rule: the client's first datagram begins with its name and a colon.
fn rules_for(name: &str) -> Classifier {
    let test = json!({
        "side": "client", "patterns": [format!("^{name}:")], "within": null, "checks": [], "message": "first",
    });
    let way = json!({
        "name": "", "confidence": 0.95, "packets": 1, "ports_required": false, "tests": [test], "not": [],
    });
    let rule = json!({
        "name": name, "label": name, "transports": ["udp"], "ports": [], "refines": [], "extract": null,
        "fields": [], "listen": 0, "alternatives": [way],
    });
    let document = json!({"version": 1, "rules": [rule]}).to_string();
    Classifier::from_json(document.as_bytes()).unwrap()
}

struct Frames(Vec<Vec<u8>>, usize);

impl Source for Frames {
    fn next(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        self.1 += 1;
        Ok(self.0.get(self.1 - 1).map(|octets| frame(octets)))
    }
}

#[test]
fn reading_stops_where_it_has_to() {
    let frames = (0..10).map(|n| ethernet(0x9000 + n, &[])).collect();
    let mut source = Frames(frames, 0);
    let mut meter = Meter::new(small(), None);
    assert_eq!(meter.read(&mut source, 4).unwrap(), 4);
    assert_eq!(meter.read(&mut source, 100).unwrap(), 6);
    assert_eq!(meter.read(&mut source, 100).unwrap(), 0);
    assert_eq!(meter.books().counted.packets, 10);
    assert!(!meter.books().to_packed().is_empty() && !meter.take_packed().is_empty());
}

/// Packets among a few hosts, in any order of time.
fn packets() -> impl Strategy<Value = Vec<Packet<'static>>> {
    let time = prop_oneof![
        8 => (0..100_000_u64).prop_map(|ms| START + ms * MS),
        1 => any::<u64>(),
    ];
    let flags = prop_oneof![
        Just(SYN),
        Just(SYN | ACK),
        Just(ACK),
        Just(FIN | ACK),
        Just(RST),
        any::<u8>()
    ];
    let end = (1..4_u8, 1..6_u16);
    let mirror = proptest::option::of((0..3_u32, 0..9_u32));
    let packet = (
        time,
        end.clone(),
        end,
        proptest::option::of((flags, 0..2000_u32)),
        mirror,
        any::<u32>(),
    );
    let packet = packet.prop_map(|(time, from, to, header, mirror, octets)| {
        let mut packet = match header {
            Some((flags, sequence)) => {
                let sequence = sequence.wrapping_mul(4_000_037);
                let mut packet = tcp(time, from, to, flags, sequence);
                packet.payload_octets = octets % 1500;
                packet
            }
            None => udp(time, from, to),
        };
        if let Some((id, sequence)) = mirror {
            let sequence = sequence.wrapping_mul(400_000_000);
            packet = through(packet, TunnelKind::Erspan2, id, Some(sequence));
        }
        packet.wire_octets = octets;
        packet
    });
    proptest::collection::vec(packet, 0..400)
}

fn sums(records: &[FlowRecord]) -> (u64, u64) {
    records
        .iter()
        .flat_map(|record| [&record.forward, &record.reverse])
        .fold((0, 0), |sum, way| (sum.0 + way.packets, sum.1 + way.octets))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_packet_is_in_one_record_or_in_the_books(packets in packets(), most in 1..40_u32) {
        let mut meter = Meter::new(MeterSettings { max_flows: most, ..small() }, None);
        let mut records = Vec::new();
        for (index, packet) in packets.iter().enumerate() {
            meter.observe_packet(packet);
            if index % 50 == 0 {
                meter.advance(packet.time_ns.saturating_add(SECOND));
                records.extend(meter.take());
            }
        }
        records.extend(all(&mut meter));
        let (told, octets) = sums(&records);
        let books = meter.books();
        prop_assert_eq!(books.packets.packets, packets.len() as u64);
        prop_assert_eq!(books.counted.packets, told);
        prop_assert_eq!(books.counted.octets, octets);
        prop_assert_eq!(books.counted.packets + books.not_sampled.packets, books.packets.packets);
        prop_assert_eq!(books.counted.octets + books.not_sampled.octets, books.packets.octets);
        prop_assert_eq!(books.flows.told.iter().sum::<u64>(), records.len() as u64);
        prop_assert_eq!(books.flows.now, 0);
        for record in &records {
            prop_assert!(record.start_ns <= record.end_ns);
            prop_assert!((0.0..=1.0).contains(&record.visibility));
            let count = |bins: &[u32]| bins.iter().map(|&count| u64::from(count)).sum::<u64>();
            prop_assert_eq!(count(&record.features.sizes_forward), record.forward.packets);
            prop_assert_eq!(count(&record.features.sizes_reverse), record.reverse.packets);
        }
    }

    /// Within the timeouts and without an end, the order of packets changes neither sums nor who began, where SYN or the
    /// order of ports says that.
    #[test]
    fn the_order_of_packets_does_not_matter_where_it_is_promised(
        (packets, shuffled) in packets().prop_flat_map(|packets| {
            let kept: Vec<_> = packets
                .into_iter()
                .filter(|packet| packet.tcp.is_some_and(|tcp| {
                    let opens_back = tcp.flags & SYN != 0 && packet.source_port <= packet.destination_port;
                    tcp.flags & (FIN | RST) == 0 && !opens_back
                }) && packet.source_port != packet.destination_port)
                .map(|mut packet| {
                    packet.time_ns = START + packet.time_ns % (5 * SECOND);
                    (packet.tunnel, packet.mirror) = (None, None);
                    if packet.tcp.is_some_and(|tcp| tcp.flags & (SYN | ACK) == SYN | ACK) {
                        packet.tcp = packet.tcp.map(|mut tcp| { tcp.flags &= !SYN; tcp });
                    }
                    packet
                })
                .collect();
            (Just(kept.clone()), Just(kept).prop_shuffle())
        })
    ) {
        let outline = |packets: &[Packet<'_>]| {
            let mut meter = Meter::new(MeterSettings { max_flows: 1000, ..small() }, None);
            packets.iter().for_each(|packet| meter.observe_packet(packet));
            let mut outline: Vec<_> = all(&mut meter)
                .into_iter()
                .map(|record| {
                    assert_eq!(record.end_reason, EndReason::Forced);
                    let key = record.key;
                    (key.source, key.destination, key.source_port, key.destination_port,
                        record.forward, record.reverse, record.start_ns, record.end_ns,
                        record.features.sizes_forward, record.features.sizes_reverse)
                })
                .collect();
            outline.sort_by(|a, b| (&a.0, &a.1, a.2, a.3).cmp(&(&b.0, &b.1, b.2, b.3)));
            outline
        };
        prop_assert_eq!(outline(&packets), outline(&shuffled));
    }

    #[test]
    fn any_octets_are_counted(octets in proptest::collection::vec(any::<u8>(), 0..200), link in any::<u16>()) {
        let mut meter = Meter::new(small(), None);
        let mut frame = frame(&octets);
        meter.observe(&frame);
        frame.link = LinkType(link);
        meter.observe(&frame);
        let books = meter.books();
        prop_assert_eq!(books.undecodable.total().packets + books.counted.packets, 2);
    }
}
