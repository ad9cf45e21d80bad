use super::*;

/// A management datagram with that attribute; octets of its data by their place.
pub fn datagram(attribute: u16, data: &[(usize, &[u8])]) -> Vec<u8> {
    let mut octets = vec![0; 256];
    octets[..4].copy_from_slice(&[1, COMMUNICATION, 2, 3]);
    octets[16..18].copy_from_slice(&attribute.to_be_bytes());
    for (at, field) in data {
        octets[24 + at..24 + at + field.len()].copy_from_slice(field);
    }
    octets
}

fn connect() -> Vec<u8> {
    let private = [
        &[0, 0x40, 0x30, 0x39][..],
        &[0; 12],
        &[10, 0, 0, 1],
        &[0; 12],
        &[10, 0, 0, 2],
    ];
    datagram(
        0x10,
        &[
            (0, &[0xc0, 0, 0, 1]),
            (8, &[0, 0, 0, 0, 1, 6, 0x11, 0x44]),
            (32, &[0, 0xab, 0xcd, 16]),
            (40, &[0, 0, 0, 0x02]),
            (44, &[0x12, 0x34, 0x56, 0x70]),
            (50, &[0x37]),
            (140, &private.concat()),
        ],
    )
}

#[test]
fn a_connect_request_is_read() {
    let Some(Management::Request(request)) = parse(&connect()) else {
        panic!("no request")
    };
    assert_eq!((request.communication, request.qp), (0xc000_0001, 0xabcd));
    assert_eq!(
        (request.service_id, port(request.service_id)),
        (0x0106_1144, Some(4420))
    );
    assert_eq!(
        (request.service, request.psn, request.mtu),
        (1, Some(0x12_3456), Some(1024))
    );
    let (version, port, source, destination) = request.addresses.unwrap();
    assert_eq!((version, port), (4, 12345));
    assert_eq!(
        (&source[12..], &destination[12..]),
        (&[10, 0, 0, 1][..], &[10, 0, 0, 2][..])
    );
}

#[test]
fn a_request_that_is_cut_off_says_as_much_as_is_there() {
    let whole = connect();
    let cut = |octets: usize| parse(&whole[..octets]);
    assert_eq!(cut(24 + 35), None);
    let Some(Management::Request(request)) = cut(24 + 40) else {
        panic!("no request")
    };
    assert_eq!(
        (request.qp, request.psn, request.mtu, request.addresses),
        (0xabcd, None, None, None)
    );
}

#[test]
fn replies_and_disconnects_name_the_exchange() {
    let reply = datagram(
        0x13,
        &[
            (4, &[0xc0, 0, 0, 1]),
            (12, &[0, 0x12, 0x34, 0]),
            (20, &[0, 0, 9, 0]),
        ],
    );
    let qp = 0x1234;
    let psn = Some(9);
    assert_eq!(
        parse(&reply),
        Some(Management::Reply {
            remote: 0xc000_0001,
            qp,
            psn
        })
    );
    let disconnect = datagram(0x15, &[(0, &[0, 0, 0, 7]), (8, &[0, 0x12, 0x34, 0])]);
    assert_eq!(
        parse(&disconnect),
        Some(Management::Disconnect {
            communication: 7,
            qp
        })
    );
    assert_eq!(parse(&datagram(0x14, &[])), Some(Management::Ready));
    let end = datagram(0x16, &[(4, &[0, 0, 0, 7])]);
    assert_eq!(parse(&end), Some(Management::Disconnected { remote: 7 }));
    let reject = datagram(0x12, &[(4, &[0, 0, 0, 7])]);
    assert_eq!(parse(&reject), Some(Management::Reject { remote: 7 }));
}

#[test]
fn other_management_is_none() {
    let mut subnet = connect();
    subnet[1] = 0x81;
    assert_eq!(parse(&subnet), None);
    assert_eq!(parse(&datagram(0x19, &[])), None);
    for end in 0..28 {
        assert_eq!(parse(&connect()[..end]), None);
    }
    assert_eq!(port(0x0002_0000_0106_1144), None);
}
