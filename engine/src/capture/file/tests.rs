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
        pcapng::SECTION,
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
fn sections_of_both_byte_orders_with_their_own_interfaces() {
    let mut octets = Vec::new();
    for order in [Big, Little] {
        octets.extend(section(order));
        octets.extend(interface(order, 1, 0, &[]));
        let nanoseconds = [
            option(order, 2, b"eth7"),
            option(order, 9, &[9]),
            option(order, 0, &[]),
            option(order, 9, &[3]),
        ];
        octets.extend(interface(order, 276, 0, &nanoseconds.concat()));
        octets.extend(block(order, 0xbad, b"whatever this is"));
        octets.extend(packet(order, 1, 5_000_000_001, b"abcde", 99, &[]));
        octets.extend(packet(order, 0, 5_000_001, b"f", 1, &[]));
    }
    let mut file = over(&octets, FileOptions::default());
    let (got, error) = drain(&mut file);
    assert!(error.is_none());
    let one = (5_000_000_001, b"abcde".to_vec(), 99, 276);
    let other = (5_000_001_000, b"f".to_vec(), 1, 1);
    assert_eq!(got, [one.clone(), other.clone(), one, other]);
    let names: Vec<_> = file
        .interfaces()
        .iter()
        .map(|about| &about.name[..])
        .collect();
    assert_eq!(names, ["", "eth7", "", "eth7"]);
}

#[test]
fn time_stamps_of_every_resolution() {
    let ms = option(Big, 9, &[3]);
    let halves = option(Big, 9, &[0x81]);
    let atto = option(Big, 9, &[18]);
    let absurd = option(Big, 9, &[127]);
    let offset = [
        option(Big, 14, &1_000i64.to_be_bytes()),
        option(Big, 9, &[0]),
    ]
    .concat();
    let before = option(Big, 14, &(-9i64).to_be_bytes());
    let cases = [
        (ms, 1_500, 1_500_000_000),
        (halves, 3, 1_500_000_000),
        (atto, 2_000_000_000, 2),
        (absurd, u64::MAX, 0),
        (offset, 1, 1_001_000_000_000),
        (before, 1, 0),
        (option(Big, 9, &[0]), u64::MAX, u64::MAX),
    ];
    let mut octets = section(Big);
    for (options, ..) in &cases {
        octets.extend(interface(Big, 1, 0, options));
    }
    for (index, (_, stamp, _)) in cases.iter().enumerate() {
        octets.extend(packet(Big, index as u32, *stamp, b"", 0, &[]));
    }
    let times: Vec<_> = read(&octets).0.into_iter().map(|got| got.0).collect();
    assert_eq!(times, cases.map(|case| case.2));
}

#[test]
fn simple_and_obsolete_packets_and_what_was_lost() {
    let mut octets = [section(Little), interface(Little, 1, 4, &[])].concat();
    let old = [&fours(Little, &[3 << 16, 0, 9, 4, 70])[..], b"wxyz"].concat();
    octets.extend(block(Little, 2, &old));
    octets.extend(block(
        Little,
        3,
        &[&fours(Little, &[50])[..], b"abcd"].concat(),
    ));
    octets.extend(packet(
        Little,
        0,
        10,
        b"e",
        1,
        &option(Little, 4, &2u64.to_le_bytes()),
    ));
    let mut file = over(&octets, FileOptions::default());
    let (got, error) = drain(&mut file);
    assert!(error.is_none());
    let expected = [
        (9_000, b"wxyz".to_vec(), 70, 1),
        (9_000, b"abcd".to_vec(), 50, 1),
        (10_000, b"e".to_vec(), 1, 1),
    ];
    assert_eq!(got, expected);
    assert_eq!(file.counts().dropped, Some(5));
    let statistics = [
        fours(Little, &[0, 0, 0]),
        option(Little, 5, &40u64.to_le_bytes()),
        option(Little, 7, &2u64.to_le_bytes()),
    ];
    octets.extend(block(Little, 5, &statistics.concat()));
    let mut file = over(&octets, FileOptions::default());
    drain(&mut file);
    assert_eq!(file.counts().dropped, Some(42));
    assert_eq!(
        over(&simple_file(), FileOptions::default())
            .counts()
            .dropped,
        None
    );
}

#[test]
fn packed_files_of_several_members() {
    let plain = simple_file();
    let (expected, _) = read(&plain);
    let (front, back) = plain.split_at(50);
    let gzip = |octets: &[u8]| {
        let mut encoder = flate2::GzBuilder::new()
            .filename("name")
            .comment("comment")
            .extra(vec![1, 2, 3])
            .write(Vec::new(), Compression::default());
        encoder.write_all(octets).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |octets: &[u8]| compress_to_vec(octets, CompressionLevel::Fastest);
    let skipped = [&fours(Little, &[0x184d_2a53, 3])[..], b"abc"].concat();
    let gzipped = [gzip(front), gzip(back), vec![0; 100]].concat();
    let zstandard = [skipped.clone(), zstd(front), skipped, zstd(back)].concat();
    for packed in [&gzipped, &zstandard] {
        let (got, error) = read(packed);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(got, expected);
        // Cut off anywhere there are fewer packets, and never an unnamed end.
        for length in 5..packed.len().min(120) {
            let (got, error) = read(&packed[..length]);
            assert!(expected.starts_with(&got));
            let trouble = error.map(|error| error.trouble);
            assert!(
                got.len() == 3 || trouble == Some(Trouble::Truncated),
                "{length} {trouble:?}"
            );
        }
    }
    let mut broken = GzEncoder::new(Vec::new(), Compression::none());
    broken.write_all(&plain).unwrap();
    let mut broken = broken.finish().unwrap();
    broken[60] ^= 1;
    assert_eq!(read(&broken).1.unwrap().trouble, Trouble::Damaged);
}

#[test]
fn a_bomb_costs_what_is_read_of_it() {
    // 64 MiB of zeros in a few KiB, after the header of a capture: records without octets.
    let mut plain = pcap(Little, 0xa1b2_c3d4, 1, &[]);
    plain.resize(64 << 20, 0);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&plain).unwrap();
    let mut file = over(&encoder.finish().unwrap(), FileOptions::default());
    assert!(matches!(file.next(), Ok(Some(_))));
    assert!(file.position().0 < 300_000);
    // A zstd frame of blocks that each repeat one octet; and one that asks for a window of 2 TiB.
    let mut bomb = fours(Little, &[zstd_magic()]);
    bomb.extend([0, 0x58]);
    for _ in 0..100_000 {
        bomb.extend([0x02, 0x00, 0x10, 0]);
    }
    assert_eq!(read(&bomb).1.unwrap().trouble, Trouble::UnknownFormat);
    // One compressed block of 127 sequences that each repeat 65,539 octets, in 276 octets.
    let mut dense = fours(Little, &[zstd_magic()]);
    let mut sequences = vec![0x08, b'a', 127, 0x54, 1, 1, 52];
    sequences.extend([0; 270]);
    sequences.push(1);
    let header = (sequences.len() as u32) << 3 | 2 << 1 | 1;
    dense.extend([0, 0x58]);
    dense.extend(&header.to_le_bytes()[..3]);
    dense.extend(sequences);
    let refused = read(&dense).1.unwrap();
    assert!(
        refused.to_string().contains("comes to more than 131072"),
        "{refused}"
    );
    let mut wide = fours(Little, &[zstd_magic()]);
    wide.extend([0, 0xf8, 1, 0, 0]);
    assert!(read(&wide).1.unwrap().to_string().contains("window"));
}

fn zstd_magic() -> u32 {
    0xfd2f_b528
}

#[test]
fn what_is_cut_off_gives_all_whole_packets_and_says_so() {
    let plain = simple_file();
    let mut pcapng = [section(Big), interface(Big, 1, 0, &[])].concat();
    pcapng.extend(packet(Big, 0, 1, b"abcd", 60, &[]));
    pcapng.extend(packet(Big, 0, 2, b"abcd", 60, &[]));
    for whole in [plain, pcapng] {
        let (all, _) = read(&whole);
        for length in 0..whole.len() {
            let (got, error) = read(&whole[..length]);
            assert!(all.starts_with(&got));
            if let Some(error) = error {
                assert!(error.to_string().starts_with("x.pcap: "));
                let short = length > 0 && length < 4;
                let expected = if short {
                    Trouble::UnknownFormat
                } else {
                    Trouble::Truncated
                };
                assert_eq!(error.trouble, expected, "{length}");
            }
        }
    }
    let text = read(&simple_file()[..60]).1.unwrap().to_string();
    assert!(text.contains("octet 44: 16 of 20 octets"), "{text}");
}

#[test]
fn what_contradicts_itself_is_damaged_where_it_stands() {
    let mut huge = simple_file();
    huge[24 + 20 + 8..24 + 20 + 12].copy_from_slice(&0x4000_0001u32.to_le_bytes());
    let (got, error) = read(&huge);
    assert_eq!(
        (got.len(), error.as_ref().map(|error| error.trouble)),
        (1, Some(Trouble::Damaged))
    );
    assert!(error.unwrap().to_string().contains("octet 44"));
    let bad = [
        block(Little, 6, &fours(Little, &[5, 0, 0, 0, 0])),
        block(Little, 6, &fours(Little, &[0, 0, 0, 90, 90])),
        block(Little, 6, &[1, 2, 3, 4]),
        fours(Little, &[6, 0xffff_fff0, 0]),
        fours(Little, &[7, 4, 0]),
        fours(Little, &[6, 32, 0, 0, 0, 0, 0, 33]),
    ];
    for damage in bad {
        let octets = [section(Little), interface(Little, 1, 0, &[]), damage].concat();
        assert_eq!(read(&octets).1.unwrap().trouble, Trouble::Damaged);
    }
    let unknown = read(b"\x7fELF and so on").1.unwrap();
    assert_eq!(unknown.trouble, Trouble::UnknownFormat);
    assert!(unknown.to_string().contains("7f 45 4c 46"));
}

#[test]
fn any_change_of_an_octet_ends_without_harm() {
    let mut octets = [section(Big), interface(Big, 1, 0, &option(Big, 9, &[9]))].concat();
    octets.extend(packet(Big, 0, 1, b"abcd", 60, &option(Big, 4, &[0; 8])));
    octets.extend(simple_file());
    let packed = compress_to_vec(&octets[..], CompressionLevel::Fastest);
    for whole in [octets, simple_file(), packed] {
        for at in 0..whole.len() {
            for value in [0, 0xff] {
                let mut changed = whole.clone();
                changed[at] = value;
                drain(&mut over(&changed, FileOptions::default()));
            }
        }
    }
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
