use super::*;

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
