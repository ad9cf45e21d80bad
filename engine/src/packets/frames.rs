//! Frames for tests, built header by header from the inside out.

use super::{Decoder, Frame, LinkType, Packet, Undecodable};

/// Behind one another.
pub(crate) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// An Ethernet frame from 02::2 to 02::1.
pub(crate) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    join(&[
        &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2],
        &ether_type.to_be_bytes(),
        payload,
    ])
}

/// What stands behind the EtherType of a VLAN tag.
pub(crate) fn vlan(control: u16, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&control.to_be_bytes(), &ether_type.to_be_bytes(), payload])
}

/// IPv4 from 10.0.0.1 to 10.0.0.2, DSCP 26 and ECT(0), hops 64. `position`: flags and fragment offset.
pub(crate) fn ipv4_part(id: u16, position: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let total = u16::try_from(payload.len() + 20).unwrap();
    let [high, low] = total.to_be_bytes();
    let [i, d] = id.to_be_bytes();
    let [p, o] = position.to_be_bytes();
    join(&[
        &[0x45, 0x6a, high, low, i, d, p, o, 64, protocol, 0, 0],
        &[10, 0, 0, 1, 10, 0, 0, 2],
        payload,
    ])
}

pub(crate) fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_part(1, 0x4000, protocol, payload)
}

/// IPv6 from fd00::1 to fd00::2 with the same class and hops.
pub(crate) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let mut addresses = [0; 32];
    (addresses[0], addresses[15]) = (0xfd, 1);
    (addresses[16], addresses[31]) = (0xfd, 2);
    join(&[
        &[0x66, 0xa0, 0, 0],
        &length.to_be_bytes(),
        &[next, 64],
        &addresses,
        payload,
    ])
}

/// The fragment header of IPv6. `position`: offset and the flag for more.
pub(crate) fn ipv6_part(id: u32, position: u16, next: u8, payload: &[u8]) -> Vec<u8> {
    let position = position.to_be_bytes();
    ipv6(
        44,
        &join(&[&[next, 0], &position, &id.to_be_bytes(), payload]),
    )
}

pub(crate) fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).unwrap();
    join(&[
        &source.to_be_bytes(),
        &destination.to_be_bytes(),
        &length.to_be_bytes(),
        &[0, 0],
        payload,
    ])
}

/// TCP with sequence number 1, acknowledgement 2, PSH and ACK, window 3 and four octets of options.
pub(crate) fn tcp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    join(&[
        &source.to_be_bytes(),
        &destination.to_be_bytes(),
        &[0, 0, 0, 1, 0, 0, 0, 2, 0x60, 0x18, 0, 3, 0, 0, 0, 0],
        &[1, 1, 1, 0],
        payload,
    ])
}

/// A base transport header to queue pair 0x12 with sequence number 7, payload, and room for the invariant CRC.
pub(crate) fn transport(opcode: u8, payload: &[u8]) -> Vec<u8> {
    join(&[
        &[opcode, 0x40, 0xff, 0xff, 0, 0, 0, 0x12, 0x80, 0, 0, 7],
        payload,
        &[0; 4],
    ])
}

/// A global route header is laid out as IPv6's.
pub(crate) fn global(payload: &[u8]) -> Vec<u8> {
    ipv6(0x1b, payload)
}

/// A local route header from LID 2 to LID 1. `next`: 2 base transport header, 3 global route header.
pub(crate) fn local(next: u8, payload: &[u8]) -> Vec<u8> {
    let words = u16::try_from((payload.len() + 8) / 4).unwrap();
    join(&[
        &[0x10, 0x20 | next, 0, 1],
        &words.to_be_bytes(),
        &[0, 2],
        payload,
        &[0, 0],
    ])
}

/// A packet with UDP from port 1000 to port 2000 and four octets.
pub(crate) fn small() -> Vec<u8> {
    ipv4(17, &udp(1000, 2000, b"data"))
}

/// The frame of `octets`, captured in full at 1 s.
pub(crate) fn frame(link: LinkType, octets: &[u8]) -> Frame<'_> {
    Frame {
        time_ns: 1_000_000_000,
        wire_octets: u32::try_from(octets.len()).unwrap(),
        link,
        octets,
        stripped_vlan: None,
    }
}

/// Decodes one frame and looks at it.
pub(crate) fn with<T>(
    link: LinkType,
    octets: &[u8],
    look: impl FnOnce(Result<Packet<'_>, Undecodable>) -> T,
) -> T {
    look(Decoder::default().decode(&frame(link, octets)))
}

/// Decodes an Ethernet frame that must be decodable, and looks at it.
pub(crate) fn seen<T>(octets: &[u8], look: impl FnOnce(Packet<'_>) -> T) -> T {
    with(LinkType::ETHERNET, octets, |packet| look(packet.unwrap()))
}

/// Why an Ethernet frame is not decodable.
pub(crate) fn refused(octets: &[u8]) -> Undecodable {
    with(LinkType::ETHERNET, octets, |packet| packet.unwrap_err())
}
