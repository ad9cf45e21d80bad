use crate::packets::frames::{
    ethernet, frame, global, ipv4, ipv6, join, local, refused, seen, small, transport, udp, vlan,
    with,
};
use crate::packets::{Decoder, Family, LinkType, RdmaLink, Undecodable};

fn roce(opcode: u8, payload: &[u8]) -> Vec<u8> {
    ipv4(17, &udp(49_152, 4791, &transport(opcode, payload)))
}

#[test]
fn roce_v2_is_covered_from_the_ip_header_on() {
    let packet = roce(4, b"payload.");
    let octets = ethernet(0x8100, &vlan(3, 0x0800, &join(&[&packet, &[0; 20]])));
    seen(&octets, |seen| {
        let rdma = seen.rdma.unwrap();
        assert_eq!((rdma.link, rdma.wire_octets), (RdmaLink::Rocev2, 24));
        assert_eq!(rdma.covered, &packet[..28]);
        assert_eq!(rdma.transport, &packet[28..]);
        assert_eq!((seen.destination_port, seen.payload_octets), (4791, 24));
        assert_eq!(seen.network.ecn, 2);
    });
    let packet = ipv6(
        0,
        &join(&[
            &[17, 0, 1, 4, 0, 0, 0, 0],
            &udp(1, 4791, &transport(0x0a, &[])),
        ]),
    );
    seen(&ethernet(0x86dd, &packet), |seen| {
        let rdma = seen.rdma.unwrap();
        assert_eq!(rdma.covered, &packet[..56]);
        assert_eq!(rdma.transport, &packet[56..]);
    });
}

#[test]
fn what_was_cut_says_how_long_it_was() {
    let octets = ethernet(0x0800, &roce(0x0a, &[7; 1024]));
    let mut cut = frame(LinkType::ETHERNET, &octets[..128]);
    cut.wire_octets = u32::try_from(octets.len()).unwrap();
    let mut decoder = Decoder::default();
    let rdma = decoder.decode(&cut).unwrap().rdma.unwrap();
    assert_eq!(
        (rdma.wire_octets, rdma.transport.len(), rdma.covered.len()),
        (1040, 86, 28)
    );
}

#[test]
fn the_port_alone_makes_no_rdma() {
    let other = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut header = transport(4, &[]);
        change(&mut header);
        seen(
            &ethernet(0x0800, &ipv4(17, &udp(1, 4791, &header))),
            |packet| {
                assert_eq!(packet.destination_port, 4791);
                packet.rdma.is_none()
            },
        )
    };
    assert!(other(&|header| header[0] = 0xe4));
    assert!(other(&|header| header[0] = 0x66));
    assert!(other(&|header| header[1] = 0x01));
    assert!(other(&|header| header.truncate(15)));
    for known in [0x00, 0x17, 0x2b, 0x54, 0x64, 0x81, 0xb7, 0x1d] {
        assert!(!other(&|header| header[0] = known), "{known:#x}");
    }
}

#[test]
fn roce_v1_is_covered_from_the_global_header_on() {
    let packet = global(&transport(0x11, &[]));
    seen(&ethernet(0x8915, &join(&[&packet, &[0; 8]])), |seen| {
        let rdma = seen.rdma.unwrap();
        assert_eq!((rdma.link, rdma.wire_octets), (RdmaLink::Rocev1, 16));
        assert_eq!(
            (rdma.covered, rdma.transport),
            (&packet[..40], &packet[40..])
        );
        assert_eq!(
            (seen.network.family, seen.network.ether_type),
            (Family::V6, 0x8915)
        );
        assert_eq!(
            (seen.network.protocol, seen.network.ecn, seen.network.hops),
            (0, 2, 64)
        );
    });
    assert_eq!(
        refused(&ethernet(0x8915, &global(&[0; 15]))),
        Undecodable::BadTransportHeader
    );
    assert_eq!(
        refused(&ethernet(0x8915, &[0x45; 60])),
        Undecodable::BadNetworkHeader
    );
    assert_eq!(
        refused(&ethernet(0x8915, &packet[..50])),
        Undecodable::Truncated
    );
    seen(&ethernet(0x8915, &ipv6(59, &[1, 2])), |seen| {
        assert!(seen.rdma.is_none())
    });
}

#[test]
fn infiniband_is_covered_from_the_local_header_on() {
    let inner = transport(4, b"four");
    let packet = local(2, &inner);
    with(LinkType::INFINIBAND, &packet, |seen| {
        let seen = seen.unwrap();
        let rdma = seen.rdma.unwrap();
        assert_eq!((rdma.link, rdma.wire_octets), (RdmaLink::Infiniband, 20));
        assert_eq!((rdma.covered, rdma.transport), (&packet[..8], &inner[..]));
        assert_eq!(seen.network.family, Family::Lid);
        assert_eq!(seen.network.source[..3], [0, 2, 0]);
        assert_eq!(seen.network.destination[..3], [0, 1, 0]);
    });
    let packet = local(3, &global(&inner));
    with(LinkType::INFINIBAND, &packet, |seen| {
        let seen = seen.unwrap();
        let rdma = seen.rdma.unwrap();
        assert_eq!((rdma.covered, rdma.transport), (&packet[..48], &inner[..]));
        assert_eq!(
            (seen.network.family, seen.network.source[15]),
            (Family::V6, 1)
        );
    });
}

#[test]
fn raw_packets_of_infiniband_are_no_rdma() {
    with(
        LinkType::INFINIBAND,
        &local(0, &join(&[&[0, 0, 8, 0], &small()])),
        |seen| {
            let seen = seen.unwrap();
            assert_eq!((seen.destination_port, seen.rdma.is_none()), (2000, true));
        },
    );
    with(
        LinkType::INFINIBAND,
        &local(1, &ipv6(17, &udp(1, 2, &[]))),
        |seen| {
            assert_eq!(seen.unwrap().destination_port, 2);
        },
    );
    let mut short = local(2, &transport(4, &[]));
    short[5] = 1;
    with(LinkType::INFINIBAND, &short, |seen| {
        assert_eq!(seen.unwrap_err(), Undecodable::BadLinkHeader);
    });
}
