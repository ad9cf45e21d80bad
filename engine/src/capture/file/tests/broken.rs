use super::*;

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
