use super::*;

/// A congestion notification that a ConnectX-4 Lx sent, without its Ethernet header.
const NOTIFICATION: &str = "45c2003c718c4000401191610a0011010a001201000012b700280000\
     8100ffff400001180000000000000000000000000000000000000000\
     82fd002a";

fn octets(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<u8> = hexadecimal.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digits = digits
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    digits
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

fn packet(link: RdmaLink, frame: &[u8], headers: usize) -> Rdma<'_> {
    let (covered, transport) = frame.split_at(headers);
    Rdma {
        link,
        transport,
        wire_octets: transport.len() as u32,
        covered,
    }
}

#[test]
fn an_adapter_computes_the_same() {
    let frame = octets(NOTIFICATION);
    assert_eq!(right(&packet(RdmaLink::Rocev2, &frame, 28)), Some(true));
}

#[test]
fn what_may_change_on_the_way_is_not_covered() {
    let mut frame = octets(NOTIFICATION);
    for place in [1, 8, 10, 11, 26, 27, 28 + 4] {
        frame[place] ^= 0x5a;
        assert_eq!(
            right(&packet(RdmaLink::Rocev2, &frame, 28)),
            Some(true),
            "octet {place}"
        );
    }
    for place in [
        0,
        2,
        4,
        9,
        12,
        19,
        20,
        24,
        28,
        28 + 1,
        28 + 7,
        28 + 11,
        28 + 20,
        28 + 31,
    ] {
        let mut wrong = frame.clone();
        wrong[place] ^= 1;
        assert_eq!(
            right(&packet(RdmaLink::Rocev2, &wrong, 28)),
            Some(false),
            "octet {place}"
        );
    }
}

/// Octets that may change, by link: their places among `headers` octets of covered headers.
fn changing(link: RdmaLink, headers: usize, places: &[(usize, u8)]) {
    let mut frame: Vec<u8> = (0..headers + 40).map(|nth| (nth * 7) as u8).collect();
    frame[0] = if link == RdmaLink::Infiniband {
        0x12
    } else {
        0x60
    };
    let (covered, body) = frame.split_at(headers);
    let crc = compute(link, covered, &body[..36]).unwrap();
    frame[headers + 36..].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(right(&packet(link, &frame, headers)), Some(true));
    for place in 0..headers + 40 {
        let changing = places
            .iter()
            .find(|&&(at, _)| at == place)
            .map_or(0, |&(_, bits)| bits);
        for bit in 0..8 {
            if link == RdmaLink::Rocev2 && place == 0 {
                continue; // That would be another IP version.
            }
            let mut other = frame.clone();
            other[place] ^= 1 << bit;
            let free = changing & 1 << bit != 0;
            assert_eq!(
                right(&packet(link, &other, headers)),
                Some(free),
                "octet {place} bit {bit}"
            );
        }
    }
}

#[test]
fn of_ip_version_6_the_class_the_label_and_the_hop_limit_may_change() {
    let network = [(0, 0x0f), (1, 0xff), (2, 0xff), (3, 0xff), (7, 0xff)];
    let mut places = network.to_vec();
    places.extend([(46, 0xff), (47, 0xff), (48 + 4, 0xff)]);
    changing(RdmaLink::Rocev2, 48, &places);
    let mut places = network.to_vec();
    places.push((40 + 4, 0xff));
    changing(RdmaLink::Rocev1, 40, &places);
}

#[test]
fn of_infiniband_the_virtual_lane_may_change() {
    changing(RdmaLink::Infiniband, 8, &[(0, 0xf0), (8 + 4, 0xff)]);
    let places = [
        (0, 0xf0),
        (8, 0x0f),
        (9, 0xff),
        (10, 0xff),
        (11, 0xff),
        (15, 0xff),
        (48 + 4, 0xff),
    ];
    changing(RdmaLink::Infiniband, 48, &places);
}

#[test]
fn what_was_cut_off_is_not_checked() {
    let frame = octets(NOTIFICATION);
    let whole = packet(RdmaLink::Rocev2, &frame, 28);
    for end in 0..whole.transport.len() {
        let cut = Rdma {
            transport: &whole.transport[..end],
            ..whole
        };
        assert_eq!(right(&cut), None);
    }
    for wire_octets in 0..16 {
        assert_eq!(
            right(&Rdma {
                wire_octets,
                ..whole
            }),
            None
        );
    }
    for headers in 0..20 {
        let strange = Rdma {
            covered: &whole.covered[..headers],
            ..whole
        };
        assert_ne!(right(&strange), Some(true));
    }
}
