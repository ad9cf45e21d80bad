use super::*;

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
