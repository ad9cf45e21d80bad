use crate::packets::frames::{ethernet, join, local, small, transport, with};
use crate::packets::{Family, LinkType, RdmaLink, Undecodable};

/// A record of `kind` whose headers and payload are `body`; `wire` is what it says of the length on the wire.
fn record(kind: u8, wire: usize, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 16).unwrap().to_be_bytes();
    let wire = u16::try_from(wire).unwrap().to_be_bytes();
    join(&[&[0; 8], &[kind, 4], &length, &[0, 0], &wire, body])
}

#[test]
fn ethernet_has_two_octets_before_it_and_a_check_sequence_after_it() {
    let inner = ethernet(0x0800, &small());
    let octets = record(
        2,
        inner.len() + 4,
        &join(&[&[0, 0], &inner, &[9; 4], &[0; 3]]),
    );
    with(LinkType::ERF, &octets, |packet| {
        let packet = packet.unwrap();
        assert_eq!(packet.wire_octets as usize, inner.len());
        assert_eq!(packet.payload, b"data");
    });
}

#[test]
fn extension_headers_are_passed_over() {
    let inner = local(2, &transport(4, b"four"));
    let extensions = [[0x83, 0, 0, 0, 0, 0, 0, 0], [0x03, 0, 0, 0, 0, 0, 0, 0]].concat();
    let octets = record(0x80 | 21, inner.len(), &join(&[&extensions, &inner]));
    with(LinkType::ERF, &octets, |packet| {
        let packet = packet.unwrap();
        let rdma = packet.rdma.unwrap();
        assert_eq!(
            (packet.network.family, rdma.link),
            (Family::Lid, RdmaLink::Infiniband)
        );
        assert_eq!(rdma.wire_octets, 20);
    });
    let endless = record(0x80 | 21, 0, &[0x80; 8].repeat(30));
    with(LinkType::ERF, &endless, |packet| {
        assert_eq!(packet.unwrap_err(), Undecodable::TooDeep);
    });
}

#[test]
fn ip_comes_alone_and_other_kinds_are_unknown() {
    with(LinkType::ERF, &record(22, 0, &small()), |packet| {
        assert_eq!(packet.unwrap().payload, b"data");
    });
    with(LinkType::ERF, &record(27, 0, &small()), |packet| {
        assert_eq!(packet.unwrap_err(), Undecodable::UnknownLinkType);
    });
    let mut short = record(22, 0, &small());
    short[11] = 15;
    with(LinkType::ERF, &short, |packet| {
        assert_eq!(packet.unwrap_err(), Undecodable::BadLinkHeader);
    });
}
