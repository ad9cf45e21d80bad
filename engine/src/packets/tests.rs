//! Whatever the octets: no panic, and nothing that was not in the frame.

use super::frames::{
    ethernet, frame, global, ipv4, ipv4_part, ipv6, ipv6_part, join, local, small, tcp, transport,
    udp, vlan,
};
use super::{Decoder, Frame, LinkType, Packet};

/// Frames that lead through every header, with their link types.
fn samples() -> Vec<(u16, Vec<u8>)> {
    let inner = ethernet(0x0800, &small());
    let gre =
        |header: &[u8], payload: &[u8]| ethernet(0x0800, &ipv4(47, &join(&[header, payload])));
    let overlay = |port: u16, header: &[u8], payload: &[u8]| {
        ethernet(0x0800, &ipv4(17, &udp(9, port, &join(&[header, payload]))))
    };
    let extensions = join(&[&[43, 0, 1, 4, 0, 0, 0, 0], &[60, 0, 4, 0, 0, 0, 0, 0]]);
    let extensions = join(&[&extensions, &[6, 0, 1, 4, 0, 0, 0, 0], &tcp(1, 2, b"x")]);
    vec![
        (1, inner.clone()),
        (
            1,
            ethernet(0x88a8, &vlan(1, 0x8100, &vlan(2, 0x0800, &small()))),
        ),
        (
            1,
            ethernet(0x8847, &join(&[&[0, 0, 1, 64, 0, 0, 0, 0], &inner])),
        ),
        (
            1,
            ethernet(0x8864, &join(&[&[0x11, 0, 0, 1, 0, 34, 0, 0x21], &small()])),
        ),
        (
            1,
            ethernet(40, &join(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &small()])),
        ),
        (1, ethernet(0x86dd, &ipv6(0, &extensions))),
        (
            1,
            ethernet(0x86dd, &ipv6_part(5, 1, 17, &udp(1, 2, &[0; 8]))),
        ),
        (1, ethernet(0x86dd, &ipv6_part(5, 16, 17, &[0; 9]))),
        (
            1,
            ethernet(0x0800, &ipv4_part(5, 0x2000, 17, &udp(1, 4789, &[8; 8]))),
        ),
        (1, ethernet(0x0800, &ipv4_part(5, 2, 17, &inner))),
        (1, ethernet(0x0800, &ipv4(41, &ipv6(58, &[128, 0, 0, 0])))),
        (
            1,
            gre(
                &[0xb0, 0, 0x65, 0x58, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2],
                &inner,
            ),
        ),
        (
            1,
            gre(
                &[
                    0x40, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0,
                ],
                &small(),
            ),
        ),
        (
            1,
            gre(
                &[
                    0x30, 0x81, 0x88, 0x0b, 0, 34, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0x21,
                ],
                &small(),
            ),
        ),
        (1, gre(&[0, 0, 0x88, 0xbe], &inner)),
        (
            1,
            gre(
                &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 1, 0, 1, 0, 0, 0, 0],
                &inner,
            ),
        ),
        (
            1,
            gre(
                &[
                    0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8,
                ],
                &inner,
            ),
        ),
        (1, overlay(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &inner)),
        (
            1,
            overlay(6081, &[1, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0], &inner),
        ),
        (
            1,
            overlay(
                2152,
                &[0x34, 255, 0, 40, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0],
                &small(),
            ),
        ),
        (
            1,
            overlay(5247, &[0, 0x10, 3, 0, 0, 0, 0, 0, 8, 1], &[0; 60]),
        ),
        (1, overlay(4791, &transport(0x0a, &[0; 20]), &[])),
        (1, ethernet(0x8915, &global(&transport(0x11, &[0; 4])))),
        (247, local(3, &global(&transport(4, b"four")))),
        (
            197,
            join(&[
                &[0; 8],
                &[0x95, 4, 0, 52, 0, 0, 0, 28],
                &[3; 8],
                &local(2, &transport(4, &[])),
            ]),
        ),
        (
            276,
            join(&[
                &[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0],
                &small(),
            ]),
        ),
        (
            113,
            join(&[&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, 8, 0], &small()]),
        ),
        (192, join(&[&[0, 0, 8, 0, 101, 0, 0, 0], &small()])),
        (9, join(&[&[0xff, 3, 0, 0x21], &small()])),
        (0, join(&[&[2, 0, 0, 0], &small()])),
    ]
}

/// Numbers that look like chance, the same each time (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (bound.max(1) as u64)).unwrap()
    }
}

fn inside(part: &[u8], all: &[u8]) -> bool {
    let (part, all) = (part.as_ptr_range(), all.as_ptr_range());
    all.start <= part.start && part.end <= all.end
}

fn is_sound(packet: &Packet<'_>, given: &Frame<'_>) {
    use super::Fragment::{Reassembled, Whole};
    let whole = packet.network.fragment == Whole;
    assert!(
        packet.payload.is_empty()
            || inside(packet.payload, given.octets) == (packet.network.fragment != Reassembled)
    );
    assert!(!whole || packet.payload.len() <= packet.payload_octets as usize);
    if let Some(rdma) = packet.rdma {
        assert!(rdma.transport.len() >= 12 && rdma.wire_octets >= 16);
        assert!(rdma.transport.len() <= rdma.wire_octets as usize);
        assert!(rdma.covered.is_empty() || inside(rdma.covered, given.octets));
    }
}

#[test]
fn every_sample_is_decoded() {
    for (number, (link, octets)) in samples().iter().enumerate() {
        let mut decoder = Decoder::default();
        let given = frame(LinkType(*link), octets);
        let packet = decoder.decode(&given);
        is_sound(
            &packet.unwrap_or_else(|why| panic!("{number}: {why:?}")),
            &given,
        );
    }
}

#[test]
fn any_octets_give_a_packet_of_the_frame_or_a_reason() {
    let samples = samples();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut decoder = Decoder::default();
    let mut decoded = 0;
    for round in 0..200_000u64 {
        let (link, mut octets) = samples[chance.below(samples.len())].clone();
        for _ in 0..chance.below(6) {
            let place = chance.below(octets.len());
            octets[place] = chance.below(256) as u8;
        }
        octets.truncate(chance.below(2 * octets.len()));
        let link = if chance.below(20) == 0 {
            chance.below(300) as u16
        } else {
            link
        };
        let mut given = frame(LinkType(link), &octets);
        given.time_ns = round * 1_000_000;
        // A capture may say anything of the wire.
        given.wire_octets = given
            .wire_octets
            .wrapping_add([0, 0, 1000, u32::MAX][chance.below(4)]);
        given.stripped_vlan = (chance.below(9) == 0).then_some(0xffff);
        if let Ok(packet) = decoder.decode(&given) {
            is_sound(&packet, &given);
            decoded += 1;
        }
    }
    assert!(decoded > 50_000, "{decoded}");
}

/// Writes the samples as seeds of the fuzzers: `engine/fuzz/README.md` says what each target reads.
#[test]
#[ignore = "writes engine/fuzz/seeds"]
fn write_seeds() {
    let write = |target: &str, number: usize, seed: &[u8]| {
        let folder = format!("{}/fuzz/seeds/{target}", env!("CARGO_MANIFEST_DIR"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(format!("{folder}/{number:02}"), seed).unwrap();
    };
    for (number, (link, octets)) in samples().iter().enumerate() {
        write("decode", number, &join(&[&link.to_be_bytes(), octets]));
    }
    let all = udp(1000, 4789, &[8; 88]);
    let four = |from: usize, to: usize| {
        let position = (from / 8) as u16 | if to < all.len() { 0x2000 } else { 0 };
        ethernet(0x0800, &ipv4_part(3, position, 17, &all[from..to]))
    };
    let six = |from: usize, to: usize| {
        let position = from as u16 | u16::from(to < all.len());
        ethernet(0x86dd, &ipv6_part(3, position, 17, &all[from..to]))
    };
    let orders = [
        vec![four(0, 40), four(40, 80), four(80, 96)],
        vec![six(80, 96), six(40, 80), six(0, 40)],
        vec![
            four(0, 40),
            four(24, 64),
            six(0, 40),
            four(80, 96),
            six(40, 96),
        ],
    ];
    for (number, frames) in orders.iter().enumerate() {
        let seed: Vec<u8> = frames
            .iter()
            .flat_map(|octets| join(&[&[1], &(octets.len() as u16).to_be_bytes(), octets]))
            .collect();
        write("reassembly", number, &seed);
    }
}
