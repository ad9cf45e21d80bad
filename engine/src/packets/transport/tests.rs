use crate::packets::frames::{ethernet, ipv4, ipv6, refused, seen, tcp, udp};
use crate::packets::{TunnelKind, Undecodable};

fn carried(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &ipv4(protocol, payload))
}

#[test]
fn tcp_has_its_numbers() {
    seen(&carried(6, &tcp(4000, 443, b"hello")), |packet| {
        let header = packet.tcp.unwrap();
        assert_eq!((packet.source_port, packet.destination_port), (4000, 443));
        assert_eq!((header.sequence, header.acknowledgement), (1, 2));
        assert_eq!((header.flags, header.window), (0x18, 3));
        assert_eq!((packet.payload, packet.payload_octets), (&b"hello"[..], 5));
    });
}

#[test]
fn a_header_that_contradicts_itself_names_its_flow_and_no_more() {
    for offset in [0x40, 0xf0] {
        let mut segment = tcp(4000, 443, b"hello");
        segment[12] = offset;
        seen(&carried(6, &segment), |packet| {
            assert_eq!((packet.source_port, packet.destination_port), (4000, 443));
            assert_eq!((packet.tcp, packet.payload_octets), (None, 0));
        });
    }
    let mut datagram = udp(1, 2, b"data");
    datagram[5] = 7;
    seen(&carried(17, &datagram), |packet| {
        assert_eq!((packet.destination_port, packet.payload_octets), (2, 0));
    });
}

#[test]
fn udp_ends_where_it_says() {
    let mut datagram = udp(1, 2, b"datapadding");
    datagram[5] = 12;
    seen(&carried(17, &datagram), |packet| {
        assert_eq!((packet.payload, packet.payload_octets), (&b"data"[..], 4));
    });
    datagram[5] = 0;
    seen(&carried(17, &datagram), |packet| {
        assert_eq!(packet.payload_octets, 11)
    });
}

#[test]
fn other_transports_have_their_ports() {
    let mut header = [0; 24];
    header[..5].copy_from_slice(&[0x0b, 0x59, 0x0b, 0x5a, 4]);
    for (protocol, payload) in [(132, 12), (136, 16), (33, 8)] {
        seen(&carried(protocol, &header), |packet| {
            assert_eq!((packet.source_port, packet.destination_port), (2905, 2906));
            assert_eq!(packet.payload_octets, payload, "{protocol}");
        });
    }
    seen(&carried(1, &[8, 1, 0, 0, 9, 9]), |packet| {
        assert_eq!((packet.source_port, packet.destination_port), (0x0801, 0));
    });
    seen(&ethernet(0x86dd, &ipv6(58, &[128, 0, 0, 0])), |packet| {
        assert_eq!(packet.source_port, 0x8000);
    });
    // IGMP, ESP, the authentication header of IPv4.
    for protocol in [2, 50, 51] {
        seen(&carried(protocol, &[0x16; 8]), |packet| {
            assert_eq!((packet.network.protocol, packet.source_port), (protocol, 0));
            assert_eq!(packet.payload_octets, 8);
        });
    }
}

#[test]
fn a_packet_too_short_for_its_transport_is_refused() {
    for (protocol, octets) in [(6, 19), (17, 7), (1, 3), (132, 11), (136, 7), (33, 11)] {
        assert_eq!(
            refused(&carried(protocol, &vec![0; octets])),
            Undecodable::BadTransportHeader
        );
    }
}

#[test]
fn ip_in_ip_is_a_tunnel_in_all_four_ways() {
    let datagram = udp(1, 2, b"data");
    let (four, six) = (ipv4(17, &datagram), ipv6(17, &datagram));
    for outer in [
        ethernet(0x0800, &ipv4(4, &four)),
        ethernet(0x0800, &ipv4(41, &six)),
        ethernet(0x86dd, &ipv6(4, &four)),
        ethernet(0x86dd, &ipv6(41, &six)),
    ] {
        seen(&outer, |packet| {
            let tunnel = packet.tunnel.unwrap();
            assert_eq!((tunnel.kind, tunnel.id), (TunnelKind::Ip, 0));
            assert_eq!((packet.destination_port, packet.payload), (2, &b"data"[..]));
        });
    }
    let mut nested = four;
    for _ in 0..40 {
        nested = ipv4(4, &nested);
    }
    assert_eq!(refused(&ethernet(0x0800, &nested)), Undecodable::TooDeep);
    assert_eq!(
        refused(&carried(4, &[0; 40])),
        Undecodable::BadNetworkHeader
    );
}
