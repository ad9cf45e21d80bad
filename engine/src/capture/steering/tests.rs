use std::sync::OnceLock;

use super::*;
use crate::capture::Context;

const RINGS: u32 = 8;

/// The hash of a frame that was received, whose link header the kernel took off with one VLAN tag at most.
fn hash(frame: &[u8]) -> u32 {
    let mut kind = u16::from_be_bytes([frame[12], frame[13]]);
    let mut network = &frame[14..];
    if kind == 0x8100 {
        kind = u16::from_be_bytes([network[2], network[3]]);
        network = &network[4..];
    }
    run(network, kind, 0)
}

fn run(octets: &[u8], protocol: u16, packet_type: u8) -> u32 {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| steering().unwrap());
    program.run(&Context {
        protocol,
        packet_type,
        hardware_type: 1,
        ..Context::plain(octets, octets.len() as u32)
    })
}

fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&[2; 6][..], &[4; 6], &kind.to_be_bytes(), payload].concat()
}

fn ipv4(source: [u8; 4], destination: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header = [0x46, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
    // With four octets of options.
    [&header[..], &source, &destination, &[1; 4], payload].concat()
}

fn ipv6(source: u8, destination: u8, next: u8, payload: &[u8]) -> Vec<u8> {
    let address = |last| [&[0xfd; 4][..], &[0; 11], &[last]].concat();
    let header = [0x60, 0, 0, 0, 0, 0, next, 64];
    [
        &header[..],
        &address(source),
        &address(destination),
        payload,
    ]
    .concat()
}

fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let header = [source, destination, 8 + payload.len() as u16, 0];
    [&header.map(u16::to_be_bytes).concat()[..], payload].concat()
}

/// A RoCEv2 frame from one host of 10.0.0.0/24 to another.
fn roce(source: u8, destination: u8) -> Vec<u8> {
    // Each direction has its own source port.
    let datagram = udp(50_000 + u16::from(source), 4791, &[0; 20]);
    ethernet(
        0x0800,
        &ipv4([10, 0, 0, source], [10, 0, 0, destination], 17, &datagram),
    )
}

fn gre(flags: u8, kind: u16, rest: &[u8]) -> Vec<u8> {
    [&[flags, 0][..], &kind.to_be_bytes(), rest].concat()
}

type Wrap = fn(Vec<u8>) -> Vec<u8>;

fn outer(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &ipv4([1, 1, 1, 1], [2, 2, 2, 2], protocol, payload))
}

/// Every way in which a frame comes inside another.
const WRAPS: [Wrap; 16] = [
    |frame| frame,
    |frame| ethernet(0x8100, &[&[0, 5][..], &frame[12..]].concat()),
    |frame| ethernet(0x88a8, &[&[0, 5, 0x81, 0, 0, 6][..], &frame[12..]].concat()),
    |frame| {
        ethernet(
            0x8847,
            &[&[0, 1, 0x20, 64, 0, 1, 0x31, 64][..], &frame[14..]].concat(),
        )
    },
    |frame| {
        ethernet(
            0x8864,
            &[&[0x11, 0, 0, 1, 0, 60, 0, 0x21][..], &frame[14..]].concat(),
        )
    },
    |frame| outer(4, &frame[14..]),
    |frame| ethernet(0x86dd, &ipv6(1, 2, 4, &frame[14..])),
    |frame| outer(47, &gre(0, 0x0800, &frame[14..])),
    |frame| outer(47, &gre(0x30, 0x6558, &[&[7; 8][..], &frame].concat())),
    |frame| outer(47, &gre(0, 0x88be, &frame)),
    |frame| {
        outer(
            47,
            &gre(0x10, 0x88be, &[&[7; 4][..], &[0x10; 8], &frame].concat()),
        )
    },
    |frame| {
        outer(
            47,
            &gre(0x10, 0x22eb, &[&[7; 4][..], &[0x20; 12], &frame].concat()),
        )
    },
    |frame| {
        let header = [0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        outer(
            47,
            &gre(
                0x10,
                0x22eb,
                &[&[7; 4][..], &header, &[9; 8], &frame].concat(),
            ),
        )
    },
    |frame| {
        outer(
            17,
            &udp(
                1_234,
                4_789,
                &[&[8, 0, 0, 0, 0, 0, 9, 0][..], &frame].concat(),
            ),
        )
    },
    |frame| {
        let header = [1, 0, 0x65, 0x58, 0, 0, 9, 0, 0, 0, 0, 0];
        outer(17, &udp(1_234, 6_081, &[&header[..], &frame].concat()))
    },
    |frame| {
        // Mirrored on the way through an overlay.
        let vxlan = udp(
            1_234,
            8_472,
            &[&[8, 0, 0, 0, 0, 0, 9, 0][..], &frame].concat(),
        );
        let inner = ethernet(0x86dd, &ipv6(1, 2, 17, &vxlan));
        outer(
            47,
            &gre(0x10, 0x88be, &[&[7; 4][..], &[0x10; 8], &inner].concat()),
        )
    },
];

#[test]
fn both_directions_meet_whatever_is_around_them() {
    for (index, wrap) in WRAPS.iter().enumerate() {
        assert_eq!(hash(&wrap(roce(1, 2))), hash(&roce(2, 1)), "wrap {index}");
        assert_ne!(
            hash(&wrap(roce(1, 2))),
            hash(&wrap(roce(1, 3))),
            "wrap {index}"
        );
    }
}

#[test]
fn one_tunnel_spreads_over_all_rings() {
    for wrap in WRAPS {
        let mut rings = [0; RINGS as usize];
        for source in 0..40 {
            for destination in 0..source {
                rings[(hash(&wrap(roce(source, destination))) % RINGS) as usize] += 1;
            }
        }
        // 780 pairs: 97 for each ring, give or take.
        assert!(
            rings.iter().all(|&pairs| (60..140).contains(&pairs)),
            "{rings:?}"
        );
    }
}

#[test]
fn ipv6_and_roce_v1_meet_too() {
    let pair = |source, destination| {
        ipv6(
            source,
            destination,
            17,
            &udp(u16::from(source), 4791, &[0; 20]),
        )
    };
    assert_eq!(
        hash(&ethernet(0x86dd, &pair(1, 2))),
        hash(&ethernet(0x86dd, &pair(2, 1)))
    );
    assert_ne!(
        hash(&ethernet(0x86dd, &pair(1, 2))),
        hash(&ethernet(0x86dd, &pair(1, 3)))
    );
    let first = ipv6(1, 2, 27, &[0; 20]);
    assert_eq!(
        hash(&ethernet(0x8915, &first)),
        hash(&ethernet(0x8915, &ipv6(2, 1, 27, &[0; 20])))
    );
}

#[test]
fn tcp_connections_of_two_hosts_are_apart_and_fragments_together() {
    let tcp = |source: u16, destination: u16| {
        [
            &source.to_be_bytes()[..],
            &destination.to_be_bytes(),
            &[0; 16],
        ]
        .concat()
    };
    let there = |ports: &[u8]| ethernet(0x0800, &ipv4([10, 0, 0, 1], [10, 0, 0, 2], 6, ports));
    let back = |ports: &[u8]| ethernet(0x0800, &ipv4([10, 0, 0, 2], [10, 0, 0, 1], 6, ports));
    assert_eq!(hash(&there(&tcp(5_000, 80))), hash(&back(&tcp(80, 5_000))));
    assert_ne!(hash(&there(&tcp(5_000, 80))), hash(&there(&tcp(5_001, 80))));
    let fragment = |offset: u8| {
        let mut frame = there(&tcp(5_000, u16::from(offset)));
        frame[20] = 0x20;
        frame[21] = offset;
        hash(&frame)
    };
    assert_eq!(fragment(0), fragment(9));
}

#[test]
fn what_this_host_sends_begins_with_its_link_header() {
    let frame = roce(1, 2);
    assert_eq!(run(&frame, 0x0800, 4), hash(&roce(2, 1)));
}

#[test]
fn what_is_cut_off_goes_by_what_is_around_it() {
    for wrap in WRAPS {
        let whole = wrap(roce(1, 2));
        for length in 18..whole.len() {
            hash(&whole[..length]);
        }
    }
    let erspan = WRAPS[10];
    let around = hash(&outer(1, &[]));
    assert_eq!(hash(&erspan(roce(1, 2))[..14 + 24 + 16 + 10]), around);
    assert_eq!(
        hash(&ethernet(0x88cc, &[0; 60])),
        hash(&ethernet(0x0806, &[0; 60]))
    );
}

#[test]
fn the_kernel_takes_a_program_of_this_size() {
    assert!(steering().unwrap().instructions().len() < 2_000);
}
