use super::*;
use crate::capture::{CaptureFile, FileOptions, Source};
use crate::flows::testing::{START, udp};

const HOST: u8 = 1;

fn key(source: (u8, u16), destination: (u8, u16)) -> FlowKey {
    FlowKey {
        source: vec![10, 0, 0, source.0],
        destination: vec![10, 0, 0, destination.0],
        protocol: 17,
        ether_type: 0x0800,
        source_port: source.1,
        destination_port: destination.1,
        source_queue_pair: 0,
        destination_queue_pair: 0,
        vlan: 0,
        tunnel: 0,
        tunnel_id: 0,
    }
}

fn wanted(port: u16, start_ns: u64, end_ns: u64) -> Wanted {
    Wanted {
        key: key((HOST, port), (2, 53)),
        start_ns,
        end_ns,
    }
}

/// A frame of `length` octets that all are `mark`, from or to a port of the host.
fn observe(keep: &mut Keep, time_ns: u64, port: u16, forward: bool, mark: u8, length: usize) {
    let ends = ((HOST, port), (2, 53));
    let (from, to) = if forward { ends } else { (ends.1, ends.0) };
    let octets = vec![mark; length];
    let frame = Frame {
        time_ns,
        wire_octets: 2000,
        link: LinkType::ETHERNET,
        octets: &octets,
        stripped_vlan: None,
    };
    keep.observe(&frame, &udp(time_ns, from, to));
}

/// Times, marks and lengths of what a section holds, read by the capture reader.
fn read(section: &[u8]) -> Vec<(u64, u8, usize)> {
    let path = std::env::temp_dir().join(format!(
        "fabricscope-keep-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    std::fs::write(&path, section).unwrap();
    let mut file = CaptureFile::open(path.to_str().unwrap(), FileOptions::default()).unwrap();
    let mut found = vec![];
    while let Some(frame) = file.next().unwrap() {
        assert_eq!((frame.wire_octets, frame.link), (2000, LinkType::ETHERNET));
        found.push((frame.time_ns, frame.octets[20], frame.octets.len()));
    }
    std::fs::remove_file(path).unwrap();
    found
}

#[test]
fn the_packets_of_a_flow_are_saved_both_ways_and_once() {
    let mut keep = Keep::new(0);
    for nth in 0..10 {
        observe(&mut keep, START + nth, 1000, nth % 2 == 0, nth as u8, 61);
        observe(&mut keep, START + nth, 1001, true, 99, 60);
    }
    let (count, section) = keep.save(&[wanted(1000, START + 2, START + 4)]);
    assert_eq!(count, 3);
    let expected: Vec<_> = (2..5).map(|nth| (START + nth, nth as u8, 61)).collect();
    assert_eq!(read(&section), expected);
    let (count, section) = keep.save(&[wanted(1000, START, START + 9), wanted(7, 0, u64::MAX)]);
    assert_eq!(count, 7);
    assert_eq!(read(&section).len(), 7);
    assert_eq!(keep.save(&[wanted(1000, 0, u64::MAX)]), (0, vec![]));
}

#[test]
fn it_stays_within_its_bound_and_counts_what_it_drops() {
    let mut keep = Keep::new(0);
    let frames = 3 * SEGMENT / 1000;
    for nth in 0..frames as u64 {
        observe(&mut keep, START + nth, 1000, true, 1, 1000);
    }
    let counts = keep.counts();
    assert!(counts.octets <= 2 * SEGMENT as u64);
    assert!(counts.packets > SEGMENT as u64 / 1000);
    assert_eq!(counts.packets + counts.dropped, frames as u64);
    let (count, section) = keep.save(&[wanted(1000, 0, u64::MAX)]);
    assert_eq!(count, counts.packets);
    let times: Vec<u64> = read(&section).into_iter().map(|(time, ..)| time).collect();
    let last = START + frames as u64;
    assert_eq!(times, (last - count..last).collect::<Vec<_>>());
    assert!(keep.segments.iter().all(|segment| {
        segment.octets.capacity() == SEGMENT && segment.packets.capacity() == PACKETS
    }));
}

#[test]
fn many_small_packets_are_bounded_too() {
    let mut keep = Keep::new(0);
    for nth in 0..3 * PACKETS as u64 {
        observe(&mut keep, START + nth, 1000, true, 1, 21);
    }
    assert_eq!(keep.counts().dropped, PACKETS as u64);
}

#[test]
fn what_is_too_large_is_dropped() {
    let mut keep = Keep::new(0);
    observe(&mut keep, START, 1000, true, 1, SEGMENT + 1);
    observe(&mut keep, START, 1000, true, 1, SEGMENT);
    let counts = keep.counts();
    assert_eq!((counts.packets, counts.dropped), (1, 1));
}

#[test]
fn a_tag_that_the_kernel_took_off_is_put_back() {
    let mut keep = Keep::new(0);
    let octets: Vec<u8> = (0..60).collect();
    let packet = udp(START, (HOST, 1000), (2, 53));
    let mut frame = Frame {
        time_ns: START,
        wire_octets: 1996,
        link: LinkType::ETHERNET,
        octets: &octets,
        stripped_vlan: Some(0x2005),
    };
    keep.observe(&frame, &packet);
    frame.octets = &octets[..11];
    keep.observe(&frame, &packet);
    let (_, section) = keep.save(&[wanted(1000, START, START)]);
    let tagged: Vec<u8> = [&octets[..12], &[0x81, 0, 0x20, 5], &octets[12..]].concat();
    assert!(section.windows(64).any(|window| window == tagged));
    assert_eq!(section.len(), 28 + 32 + (32 + 64) + (32 + 12));
}

#[test]
fn each_link_type_is_an_interface() {
    let mut keep = Keep::new(0);
    for link in [LinkType::ETHERNET, LinkType::RAW, LinkType::ETHERNET] {
        let frame = Frame {
            time_ns: START,
            wire_octets: 4,
            link,
            octets: &[1; 4],
            stripped_vlan: Some(5),
        };
        keep.observe(&frame, &udp(START, (HOST, 1000), (2, 53)));
    }
    let (count, section) = keep.save(&[wanted(1000, START, START)]);
    assert_eq!((count, section.len()), (3, 28 + 2 * 32 + 3 * 36));
}
