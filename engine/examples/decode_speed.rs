//! What decoding costs: `cargo run --release --no-default-features --example decode_speed`.
//!
//! Frames of several kinds, a million of each; ns of processor time a packet, the best of five runs.

use std::fs::read_to_string;
use std::hint::black_box;

use _native::packets::{Decoder, Frame, LinkType};

const FRAMES: usize = 1_000_000;

fn ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = ((payload.len() + 20) as u16).to_be_bytes();
    let head = [
        0x45, 0, high, low, 0, 1, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    [&head, payload].concat()
}

fn ethernet(payload: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0], payload].concat()
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let ([a, b], [high, low]) = (
        port.to_be_bytes(),
        ((payload.len() + 8) as u16).to_be_bytes(),
    );
    [&[0xc0, 0, a, b, high, low, 0, 0], payload].concat()
}

/// Time of this thread on a processor (Documentation/scheduler/sched-stats.rst), so that others' load counts little.
fn on_cpu_ns() -> u64 {
    let text = read_to_string("/proc/thread-self/schedstat").expect("the kernel counts scheduling");
    let first = text.split(' ').next().and_then(|word| word.parse().ok());
    first.expect("a number of ns")
}

fn main() {
    let segment = [
        &[
            0, 80, 1, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 0, 9, 0, 0, 0, 0,
        ][..],
        &[7; 64],
    ]
    .concat();
    let tcp = ethernet(&ip(6, &segment));
    let message = [
        &[0x0a, 0x40, 0xff, 0xff, 0, 0, 0, 0x12, 0x80, 0, 0, 7][..],
        &[7; 64],
    ]
    .concat();
    let roce = ethernet(&ip(17, &udp(4791, &message)));
    let six_head = [&[0x60, 0, 0, 0, 0, 84, 6, 64][..], &[0xfd; 32]].concat();
    let mut six = ethernet(&[six_head, segment].concat());
    (six[12], six[13]) = (0x86, 0xdd);
    let overlay = ethernet(&ip(
        17,
        &udp(4789, &[&[8, 0, 0, 0, 0, 0, 9, 0], &tcp[..]].concat()),
    ));
    let erspan = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 1, 0, 1, 0, 0, 0, 0];
    let mirrored = ethernet(&ip(47, &[&erspan, &roce[..]].concat()));
    for (name, octets) in [
        ("TCP", tcp),
        ("TCP over IPv6", six),
        ("RoCE v2", roce),
        ("TCP in VXLAN", overlay),
        ("RoCE v2 in ERSPAN II", mirrored),
    ] {
        let copies: Vec<Vec<u8>> = vec![octets; 1000];
        let mut decoder = Decoder::default();
        let mut best = u64::MAX;
        for _ in 0..5 {
            let began = on_cpu_ns();
            for octets in copies.iter().cycle().take(FRAMES) {
                let frame = Frame {
                    time_ns: 0,
                    wire_octets: octets.len() as u32,
                    link: LinkType::ETHERNET,
                    octets: black_box(octets),
                    stripped_vlan: None,
                };
                black_box(decoder.decode(&frame).is_ok());
            }
            best = best.min(on_cpu_ns() - began);
        }
        println!("{name:<22} {:>6.1} ns", best as f64 / FRAMES as f64);
    }
}
