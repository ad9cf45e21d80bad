use super::*;

/// A packet of 256 octets with that opcode, of which 128 are captured. Each octet behind the base header is its place.
fn parsed(opcode: u8) -> Headers {
    let mut octets = vec![
        opcode, 0xe0, 0x12, 0x34, 0xc0, 0x01, 0x02, 0x03, 0x80, 0x04, 0x05, 0x06,
    ];
    octets.extend(12..128);
    Headers::parse(&octets, 256).unwrap()
}

#[test]
fn the_base_header_is_read() {
    let headers = parsed(0x04);
    assert!(headers.solicited && headers.migrated && headers.fecn && headers.becn);
    assert!(headers.acknowledge);
    assert_eq!((headers.pad, headers.partition), (2, 0x1234));
    assert_eq!(
        (headers.destination_qp, headers.psn),
        (0x01_0203, 0x04_0506)
    );
    assert_eq!(headers.payload, 256 - 12 - 2 - 4);
}

#[test]
fn each_operation_has_its_own_headers() {
    let sizes = [
        (0x00, 0),
        (0x01, 0),
        (0x02, 0),
        (0x03, 4),
        (0x04, 0),
        (0x05, 4),
        (0x06, 16),
        (0x07, 0),
        (0x08, 0),
        (0x09, 4),
        (0x0a, 16),
        (0x0b, 20),
        (0x0c, 16),
        (0x0d, 4),
        (0x0e, 0),
        (0x0f, 4),
        (0x10, 4),
        (0x11, 4),
        (0x12, 4),
        (0x13, 28),
        (0x14, 28),
        (0x16, 4),
        (0x17, 4),
        (0x1c, 20),
        (0x1d, 16),
        (0x24, 0),
        (0x2a, 16),
        (0x44, 12),
        (0x46, 28),
        (0x4d, 8),
        (0x4e, 4),
        (0x51, 8),
        (0x53, 40),
        (0x64, 8),
        (0x65, 12),
        (0xa4, 4),
        (0xaa, 20),
        (0xad, 4),
        (0xae, 0),
        (0xb1, 4),
        (0x81, 16),
    ];
    for (opcode, size) in sizes {
        let headers = parsed(opcode);
        assert_eq!(headers.payload_at, BASE + size, "opcode {opcode:#04x}");
        assert_ne!(headers.kind, Kind::Unknown, "opcode {opcode:#04x}");
    }
}

#[test]
fn extended_headers_are_read_from_their_places() {
    let write = parsed(0x0b);
    let reth = write.reth.unwrap();
    assert_eq!(reth.address, 0x0c0d_0e0f_1011_1213);
    assert_eq!((reth.key, reth.length), (0x1415_1617, 0x1819_1a1b));
    assert_eq!(write.immediate, Some(0x1c1d_1e1f));
    let aeth = parsed(0x11).aeth.unwrap();
    assert_eq!(
        (aeth.syndrome, aeth.messages),
        (Syndrome::Positive, 0x0d_0e0f)
    );
    assert_eq!(parsed(0x64).source_qp, Some(0x11_1213));
    let reliable_datagram = parsed(0x44);
    assert_eq!(reliable_datagram.context, Some(0x0d_0e0f));
    assert_eq!(reliable_datagram.source_qp, Some(0x15_1617));
    assert_eq!(parsed(0xa4).context, Some(0x0d_0e0f));
}

#[test]
fn syndromes_have_their_meaning() {
    let syndrome = |octet: u8| Aeth::from([octet, 0, 0, 1]).syndrome;
    assert_eq!(syndrome(0x1f), Syndrome::Positive);
    assert_eq!(syndrome(0x2e), Syndrome::ReceiverNotReady);
    assert_eq!(syndrome(0x60), Syndrome::Negative(0));
    assert_eq!(syndrome(0x62), Syndrome::Negative(2));
    assert_eq!(syndrome(0x40), Syndrome::Reserved);
}

#[test]
fn opcodes_that_a_service_does_not_have_are_unknown() {
    for opcode in [0x18, 0x2c, 0x31, 0x60, 0x6a, 0x80, 0x82, 0xc0, 0xff] {
        let headers = parsed(opcode);
        assert_eq!(
            (headers.kind, headers.position),
            (Kind::Unknown, Position::Outside)
        );
    }
    assert_eq!(parsed(CNP).kind, Kind::Cnp);
}

#[test]
fn what_was_not_captured_is_none_and_lengths_are_those_of_the_wire() {
    let octets = [0x0a, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 1, 2, 3];
    let headers = Headers::parse(&octets, 4000).unwrap();
    assert_eq!(headers.reth, None);
    assert_eq!(headers.payload, 4000 - 12 - 16 - 4);
    assert_eq!(Headers::parse(&octets[..11], 4000), None);
    assert_eq!(Headers::parse(&octets, 3).unwrap().payload, 0);
}

#[test]
fn no_octets_make_it_panic() {
    let mut seed = 1u32;
    for _ in 0..20_000 {
        let mut octets = Vec::new();
        for _ in 0..seed % 60 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            octets.push((seed >> 24) as u8);
        }
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let _ = Headers::parse(&octets, seed);
    }
}
