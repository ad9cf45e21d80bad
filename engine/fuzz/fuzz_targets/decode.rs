//! One frame: two octets of link type, and what was captured.
#![no_main]

use _native::packets::{Decoder, Fragment, Frame, LinkType};
use libfuzzer_sys::fuzz_target;

fn inside(part: &[u8], all: &[u8]) -> bool {
    let (part, all) = (part.as_ptr_range(), all.as_ptr_range());
    part.is_empty() || (all.start <= part.start && part.end <= all.end)
}

fuzz_target!(|input: &[u8]| {
    let Some((link, octets)) = input.split_first_chunk() else {
        return;
    };
    let frame = Frame {
        time_ns: 0,
        wire_octets: octets.len() as u32,
        link: LinkType(u16::from_be_bytes(*link)),
        octets,
        stripped_vlan: None,
    };
    let mut decoder = Decoder::default();
    if let Ok(packet) = decoder.decode(&frame) {
        let whole = packet.network.fragment == Fragment::Reassembled;
        assert!(whole || inside(packet.payload, octets));
        if let Some(rdma) = packet.rdma {
            assert!(whole || inside(rdma.transport, octets));
            assert!(inside(rdma.covered, octets));
        }
    }
});
