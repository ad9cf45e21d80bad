//! Several frames for one decoder with small bounds: seconds since the last, two octets of length, an Ethernet frame.
#![no_main]

use _native::packets::{Decoder, DecoderLimits, Fragment, Frame, LinkType};
use libfuzzer_sys::fuzz_target;

const LIMITS: DecoderLimits = DecoderLimits {
    fragmented_packets: 4,
    packet_octets: 4096,
    octets: 8192,
    age_ns: 30_000_000_000,
};

fuzz_target!(|input: &[u8]| {
    let mut decoder = Decoder::new(LIMITS);
    let mut time_ns = 0;
    let mut rest = input;
    while let Some((head, after)) = rest.split_first_chunk() {
        let [seconds, high, low] = *head;
        time_ns += u64::from(seconds) * 1_000_000_000;
        let octets = usize::from(u16::from_be_bytes([high, low])).min(after.len());
        let (octets, after) = after.split_at(octets);
        rest = after;
        let frame = Frame {
            time_ns,
            wire_octets: octets.len() as u32,
            link: LinkType::ETHERNET,
            octets,
            stripped_vlan: None,
        };
        if let Ok(packet) = decoder.decode(&frame) {
            // A fragment inside of a packet that was put together is a part of that.
            let whole = packet.network.fragment != Fragment::Whole;
            let most = if whole {
                LIMITS.packet_octets.max(octets.len())
            } else {
                octets.len()
            };
            assert!(packet.payload.len() <= most);
        }
    }
});
