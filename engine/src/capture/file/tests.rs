mod broken;
mod packed;
mod pcapng;

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;
use crate::capture::octets::Order::{self, Big};

/// Time, octets, wire octets, link type.
type Got = (u64, Vec<u8>, u32, u16);

/// Gives a few octets at a time, as a pipe may.
struct Dribble(Cursor<Vec<u8>>);

impl Read for Dribble {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let count = room.len().min(7);
        self.0.read(&mut room[..count])
    }
}

fn over(octets: &[u8], options: FileOptions) -> CaptureFile {
    CaptureFile::from_reader("x.pcap", Box::new(Cursor::new(octets.to_vec())), options)
}

fn drain(file: &mut CaptureFile) -> (Vec<Got>, Option<CaptureError>) {
    let mut got = Vec::new();
    loop {
        match file.next() {
            Ok(Some(frame)) => got.push((
                frame.time_ns,
                frame.octets.to_vec(),
                frame.wire_octets,
                frame.link.0,
            )),
            Ok(None) => return (got, None),
            Err(error) => {
                assert!(file.ended());
                assert!(matches!(file.next(), Ok(None)));
                return (got, Some(error));
            }
        }
    }
}

fn read(octets: &[u8]) -> (Vec<Got>, Option<CaptureError>) {
    let all = drain(&mut over(octets, FileOptions::default()));
    let dribbled = Box::new(Dribble(Cursor::new(octets.to_vec())));
    let again = drain(&mut CaptureFile::from_reader(
        "x.pcap",
        dribbled,
        FileOptions::default(),
    ));
    assert_eq!(all.0, again.0);
    all
}

fn four(order: Order, value: u32) -> [u8; 4] {
    match order {
        Big => value.to_be_bytes(),
        Little => value.to_le_bytes(),
    }
}

fn fours(order: Order, values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|&value| four(order, value))
        .collect()
}

/// A pcap with one packet of `abcd` for each time stamp; 60 octets were on the wire.
fn pcap(order: Order, magic: u32, network: u32, stamps: &[(u32, u32)]) -> Vec<u8> {
    let version = if order == Big {
        2 << 16 | 4
    } else {
        4 << 16 | 2
    };
    let mut octets = fours(order, &[magic, version, 0, 0, 65535, network]);
    for &(seconds, fraction) in stamps {
        octets.extend(fours(order, &[seconds, fraction, 4, 60]));
        if magic == 0xa1b2_cd34 {
            octets.extend([0; 8]);
        }
        octets.extend(b"abcd");
    }
    octets
}

fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(4), 0);
    let length = body.len() as u32 + 12;
    [
        &fours(order, &[kind, length])[..],
        &body,
        &four(order, length),
    ]
    .concat()
}

fn section(order: Order) -> Vec<u8> {
    let version = if order == Big { 1 << 16 } else { 1 };
    block(
        order,
        crate::capture::pcapng::SECTION,
        &fours(order, &[0x1a2b_3c4d, version, u32::MAX, u32::MAX]),
    )
}

fn option(order: Order, code: u16, value: &[u8]) -> Vec<u8> {
    let (code, length) = (u32::from(code), value.len() as u32);
    let mut octets = match order {
        Big => four(order, code << 16 | length),
        Little => four(order, length << 16 | code),
    }
    .to_vec();
    octets.extend(value);
    octets.resize(octets.len().next_multiple_of(4), 0);
    octets
}

fn interface(order: Order, link: u16, snap: u32, options: &[u8]) -> Vec<u8> {
    let link = match order {
        Big => u32::from(link) << 16,
        Little => u32::from(link),
    };
    let body = [&fours(order, &[link, snap])[..], options].concat();
    block(order, 1, &body)
}

fn packet(
    order: Order,
    interface: u32,
    stamp: u64,
    octets: &[u8],
    wire: u32,
    options: &[u8],
) -> Vec<u8> {
    let numbers = [
        interface,
        (stamp >> 32) as u32,
        stamp as u32,
        octets.len() as u32,
        wire,
    ];
    let mut body = [&fours(order, &numbers)[..], octets].concat();
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend(options);
    block(order, 6, &body)
}

fn simple_file() -> Vec<u8> {
    pcap(Little, 0xa1b2_c3d4, 1, &[(1, 2), (3, 4), (5, 6)])
}

#[test]
fn every_kind_of_pcap_gives_the_same() {
    for order in [Big, Little] {
        for (magic, unit) in [(0xa1b2_c3d4, 1_000), (0xa1b2_3c4d, 1), (0xa1b2_cd34, 1_000)] {
            let (got, error) = read(&pcap(order, magic, 1, &[(7, 8), (9, 10)]));
            assert!(error.is_none());
            let expected = [7_000_000_000 + 8 * unit, 9_000_000_000 + 10 * unit]
                .map(|time| (time, b"abcd".to_vec(), 60, 1));
            assert_eq!(got, expected);
        }
    }
}

#[test]
fn a_frame_check_sequence_is_no_part_of_the_frame() {
    // 2 words of 16 bits; the four octets that were captured are not the last ones.
    let octets = pcap(Little, 0xa1b2_c3d4, 2 << 28 | 1 << 26 | 1, &[(0, 0)]);
    assert_eq!(read(&octets).0[0], (0, b"abcd".to_vec(), 56, 1));
    // Captured whole, it goes away.
    let mut octets = section(Little);
    octets.extend(interface(Little, 1, 0, &option(Little, 13, &[32])));
    octets.extend(packet(Little, 0, 0, b"abcdefgh", 8, &[]));
    octets.extend(packet(
        Little,
        0,
        0,
        b"abcdefgh",
        8,
        &option(Little, 2, &fours(Little, &[2 << 5])),
    ));
    let (got, _) = read(&octets);
    assert_eq!(got[0].1, b"abcd");
    assert_eq!((&got[1].1[..], got[1].2), (&b"abcdef"[..], 6));
}

#[test]
fn a_growing_file_waits_in_the_middle_of_a_record() {
    let path = std::env::temp_dir().join(format!("fabricscope-follow-{}", std::process::id()));
    let name = path.to_str().unwrap();
    let whole = simple_file();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&whole).unwrap();
    for octets in [whole, encoder.finish().unwrap()] {
        let mut writer = std::fs::File::create(&path).unwrap();
        let options = FileOptions {
            follow: true,
            ..FileOptions::default()
        };
        let mut file = CaptureFile::open(name, options).unwrap();
        let mut got = Vec::new();
        for octet in &octets {
            let (more, error) = drain(&mut file);
            assert!(error.is_none() && !file.ended());
            got.extend(more);
            writer.write_all(&[*octet]).unwrap();
        }
        got.extend(drain(&mut file).0);
        assert_eq!(got.len(), 3);
        assert_eq!(
            file.position(),
            (octets.len() as u64, Some(octets.len() as u64))
        );
        writer.set_len(3).unwrap();
        assert!(
            file.next()
                .err()
                .unwrap()
                .to_string()
                .contains("became shorter")
        );
    }
    std::fs::remove_file(&path).unwrap();
    let missing = CaptureFile::open(name, FileOptions::default())
        .err()
        .unwrap();
    assert_eq!((missing.trouble, missing.errno), (Trouble::System, Some(2)));
    let folder = CaptureFile::open("/", FileOptions::default())
        .err()
        .unwrap();
    assert!(folder.to_string().contains("directory"));
}

#[test]
fn a_filter_and_a_snap_length_are_those_of_a_ring() {
    let answer = |k| crate::capture::Instruction {
        code: 6,
        k,
        ..crate::capture::Instruction::default()
    };
    // Passes two octets of what has more than three on the wire and an `a` in front.
    let first = crate::capture::Instruction {
        code: 0x30,
        ..answer(0)
    };
    let compare = crate::capture::Instruction {
        code: 0x15,
        jt: 0,
        jf: 1,
        k: 97,
    };
    let program = Program::new(vec![first, compare, answer(2), answer(0)]).unwrap();
    let filter = |link| FileOptions {
        filter: vec![(LinkType(link), program.clone())],
        ..FileOptions::default()
    };
    let mut file = over(&simple_file(), filter(1));
    assert_eq!(
        drain(&mut file).0[0],
        (1_000_002_000, b"ab".to_vec(), 60, 1)
    );
    assert_eq!(file.counts().filtered, 0);
    let mut other = over(&simple_file(), filter(113));
    assert!(drain(&mut other).0.is_empty());
    assert_eq!((other.counts().packets, other.counts().filtered), (3, 3));
    let snap = FileOptions {
        snap: 3,
        ..FileOptions::default()
    };
    assert_eq!(drain(&mut over(&simple_file(), snap)).0[0].1, b"abc");
}
