use crate::packets::frames::{ethernet, ipv4, ipv6, join, refused, seen, small, udp, vlan};
use crate::packets::{Tunnel, TunnelKind, Undecodable};

fn gre(header: &[u8], payload: &[u8]) -> Vec<u8> {
    ethernet(
        0x8100,
        &vlan(9, 0x0800, &ipv4(47, &join(&[header, payload]))),
    )
}

fn in_udp(port: u16, header: &[u8], payload: &[u8]) -> Vec<u8> {
    ethernet(
        0x8100,
        &vlan(
            9,
            0x0800,
            &ipv4(17, &udp(50_000, port, &join(&[header, payload]))),
        ),
    )
}

/// The tunnel around `small()`, and the VLAN that it was found in.
fn around_small(octets: &[u8]) -> (Tunnel, u16) {
    seen(octets, |packet| {
        assert_eq!((packet.source_port, packet.destination_port), (1000, 2000));
        assert_eq!((packet.payload, packet.payload_octets), (&b"data"[..], 4));
        let tunnel = packet.tunnel.unwrap();
        assert_eq!(tunnel.source[..4], [10, 0, 0, 1]);
        assert_eq!(tunnel.destination[..4], [10, 0, 0, 2]);
        assert_eq!(packet.mirror, tunnel.kind.mirrors().then_some(tunnel));
        (tunnel, packet.vlan)
    })
}

#[test]
fn gre_has_its_key_and_its_sequence() {
    let (tunnel, vlan) = around_small(&gre(&[0, 0, 8, 0], &small()));
    assert_eq!(
        (tunnel.kind, tunnel.id, tunnel.sequence),
        (TunnelKind::Gre, 0, None)
    );
    assert_eq!(vlan, 0);
    let header = [0xb0, 0, 0x65, 0x58, 1, 2, 0, 0, 0, 0, 0, 7, 0, 0, 0, 5];
    let (tunnel, _) = around_small(&gre(&header, &ethernet(0x0800, &small())));
    assert_eq!((tunnel.id, tunnel.sequence), (7, Some(5)));
    let labelled = join(&[&[0, 0, 0x11, 64], &small()]);
    around_small(&gre(&[0, 0, 0x88, 0x47], &labelled));
    // A source route of one entry, and the one that ends it.
    let routed = [
        0x40, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0,
    ];
    around_small(&gre(&routed, &small()));
}

#[test]
fn gre_of_which_nothing_is_known_stays_itself() {
    seen(&gre(&[0, 0, 0x20, 0x01], &[1, 2, 3]), |packet| {
        assert_eq!((packet.network.protocol, packet.tunnel), (47, None));
        assert_eq!((packet.vlan, packet.payload), (9, &[1, 2, 3][..]));
    });
    assert_eq!(
        refused(&gre(&[0, 2, 8, 0], &small())),
        Undecodable::BadTunnelHeader
    );
    assert_eq!(
        refused(&gre(&[0x30, 0, 8, 0], &[0; 7])),
        Undecodable::BadTunnelHeader
    );
    assert_eq!(
        refused(&gre(&[0, 0, 8, 0], &[0; 60])),
        Undecodable::BadNetworkHeader
    );
}

#[test]
fn pptp_is_read_where_it_is_neither_compressed_nor_encrypted() {
    let framed = |frame: &[u8]| {
        let [high, low] = u16::try_from(frame.len()).unwrap().to_be_bytes();
        let header = [
            0x30, 0x81, 0x88, 0x0b, high, low, 0, 3, 0, 0, 0, 8, 0, 0, 0, 1,
        ];
        gre(&header, frame)
    };
    for start in [&[0xff, 3, 0, 0x21][..], &[0, 0x21], &[0x21]] {
        let (tunnel, _) = around_small(&framed(&join(&[start, &small()])));
        assert_eq!(
            (tunnel.kind, tunnel.id, tunnel.sequence),
            (TunnelKind::Gre, 0, Some(8))
        );
    }
    for frame in [&[][..], &[0xfd, 1, 2, 3], &[0xff], &[0]] {
        seen(&framed(frame), |packet| {
            assert_eq!((packet.network.protocol, packet.tunnel), (47, None))
        });
    }
}

#[test]
fn erspan_tells_session_direction_and_sequence() {
    let inner = ethernet(0x0800, &small());
    let (tunnel, vlan) = around_small(&gre(&[0, 0, 0x88, 0xbe], &inner));
    assert_eq!(
        (tunnel.kind, tunnel.sequence, vlan),
        (TunnelKind::Erspan1, None, 0)
    );
    let sequence = [0x10, 0, 0x88, 0xbe, 0, 0, 1, 0];
    // Version 1, VLAN 100, class 3, tagged as 802.1Q, session 666.
    let second = join(&[&sequence, &[0x10, 100, 0x72, 0x9a, 0, 0, 0, 1]]);
    let (tunnel, vlan) = around_small(&gre(&second, &inner));
    assert_eq!((tunnel.kind, tunnel.id), (TunnelKind::Erspan2, 666));
    assert_eq!(
        (tunnel.sequence, tunnel.egress, vlan),
        (Some(256), None, 100)
    );
    // Without a tag its VLAN is the port's, and no tag of the frame.
    let untagged = join(&[&sequence, &[0x10, 100, 0x62, 0x9a, 0, 0, 0, 1]]);
    assert_eq!(around_small(&gre(&untagged, &inner)).1, 0);

    let third = |last: [u8; 2], payload: &[u8]| {
        let header = [
            0x10, 0, 0x22, 0xeb, 0, 0, 0, 9, 0x20, 8, 0, 5, 1, 2, 3, 4, 0, 0,
        ];
        gre(&join(&[&header, &last]), payload)
    };
    let (tunnel, vlan) = around_small(&third([0, 8], &inner));
    assert_eq!((tunnel.kind, tunnel.id), (TunnelKind::Erspan3, 5));
    assert_eq!(
        (tunnel.sequence, tunnel.egress, vlan),
        (Some(9), Some(true), 8)
    );
    let (tunnel, _) = around_small(&third([0, 1], &join(&[&[0; 8], &inner])));
    assert_eq!(tunnel.egress, Some(false));
    around_small(&third([8, 0], &small()));

    assert_eq!(
        refused(&gre(&sequence, &[0x20; 60])),
        Undecodable::BadTunnelHeader
    );
    assert_eq!(
        refused(&third([4, 0], &inner)),
        Undecodable::BadTunnelHeader
    );
    assert_eq!(
        refused(&gre(&second, &inner[..10])),
        Undecodable::BadLinkHeader
    );
}

#[test]
fn overlays_have_their_network() {
    let inner = ethernet(0x0800, &small());
    for port in [4789, 8472] {
        let header = [8, 0, 0, 0, 0, 1, 2, 0];
        let (tunnel, vlan) = around_small(&in_udp(port, &header, &inner));
        assert_eq!((tunnel.kind, tunnel.id, vlan), (TunnelKind::Vxlan, 258, 9));
    }
    let (tunnel, _) = around_small(&in_udp(4790, &[0x0c, 0, 0, 1, 0, 1, 2, 0], &small()));
    assert_eq!((tunnel.kind, tunnel.id), (TunnelKind::Vxlan, 258));
    let options = join(&[&[2, 0, 0x65, 0x58, 0, 0, 7, 0], &[1; 8]]);
    let (tunnel, _) = around_small(&in_udp(6081, &options, &inner));
    assert_eq!((tunnel.kind, tunnel.id), (TunnelKind::Geneve, 7));
    around_small(&in_udp(6081, &[0, 0, 8, 0, 0, 0, 7, 0], &small()));
    // A sequence number, and one extension header of four octets.
    let user = [0x36, 255, 0, 40, 0, 0, 0, 9, 0, 1, 0, 0x85, 1, 0, 5, 0];
    let (tunnel, vlan) = around_small(&in_udp(2152, &user, &small()));
    assert_eq!((tunnel.kind, tunnel.id, vlan), (TunnelKind::Gtp, 0, 9));
    seen(
        &in_udp(
            4789,
            &[8, 0, 0, 0, 0, 1, 2, 0],
            &ethernet(0x8100, &vlan_small()),
        ),
        |packet| {
            assert_eq!(packet.vlan, 33);
        },
    );
}

fn vlan_small() -> Vec<u8> {
    vlan(33, 0x0800, &small())
}

#[test]
fn a_port_alone_makes_no_tunnel() {
    let inner = ethernet(0x0800, &small());
    let cases: [(u16, &[u8], &[u8]); 9] = [
        (4789, &[0, 0, 0, 0, 0, 1, 2, 0], &inner),
        (4789, &[8, 0, 0, 0, 0, 1, 2, 0], &inner[..13]),
        (
            4789,
            &[8, 0, 0, 0, 0, 1, 2, 0],
            &ethernet(0x0800, &[0x45; 10]),
        ),
        (4789, &[8], &[]),
        (4790, &[0x0c, 0, 0, 9, 0, 1, 2, 0], &inner),
        (6081, &[0x80, 0, 0x65, 0x58, 0, 0, 7, 0], &inner),
        (6081, &[0x3f, 0, 0x65, 0x58, 0, 0, 7, 0], &inner),
        (2152, &[0x30, 1, 0, 0, 0, 0, 0, 9], &small()),
        (
            2152,
            &[0x34, 255, 0, 40, 0, 0, 0, 9, 0, 1, 0, 0x85, 0],
            &small(),
        ),
    ];
    for (port, header, payload) in cases {
        seen(&in_udp(port, header, payload), |packet| {
            assert_eq!((packet.destination_port, packet.tunnel), (port, None));
            assert_eq!(
                packet.payload,
                join(&[header, payload]),
                "{port} {header:?}"
            );
            assert_eq!(packet.vlan, 9);
        });
    }
    // But what is too deep is so from the outermost header on.
    let mut nested = small();
    for _ in 0..40 {
        nested = ipv4(4, &nested);
    }
    let deep = in_udp(4789, &[8, 0, 0, 0, 0, 1, 2, 0], &ethernet(0x0800, &nested));
    assert_eq!(refused(&deep), Undecodable::TooDeep);
}

#[test]
fn what_is_mirrored_may_be_a_tunnel_itself() {
    let overlay = udp(
        50_000,
        4789,
        &join(&[&[8, 0, 0, 0, 0, 1, 2, 0], &ethernet(0x0800, &small())]),
    );
    let mirrored = ethernet(0x86dd, &ipv6(17, &overlay));
    let header = [0x10, 0, 0x88, 0xbe, 0, 0, 1, 0, 0x10, 0, 0, 1, 0, 0, 0, 0];
    seen(&gre(&header, &mirrored), |packet| {
        assert_eq!(packet.tunnel.unwrap().kind, TunnelKind::Vxlan);
        let mirror = packet.mirror.unwrap();
        assert_eq!(
            (mirror.kind, mirror.sequence),
            (TunnelKind::Erspan2, Some(256))
        );
        assert_eq!(mirror.source[..4], [10, 0, 0, 1]);
    });
}
