use crate::packets::frames::{ethernet, frame, ipv4, ipv6, join, refused, seen, small, tcp, udp};
use crate::packets::{Decoder, Family, LinkType, Undecodable};

#[test]
fn ipv4_ends_where_it_says_and_options_are_passed_over() {
    seen(&ethernet(0x0800, &join(&[&small(), &[0; 14]])), |packet| {
        let network = packet.network;
        assert_eq!((network.family, network.protocol), (Family::V4, 17));
        assert_eq!(network.source[..5], [10, 0, 0, 1, 0]);
        assert_eq!(network.destination[..5], [10, 0, 0, 2, 0]);
        assert_eq!((network.hops, network.dscp, network.ecn), (64, 26, 2));
        assert_eq!((packet.payload, packet.payload_octets), (&b"data"[..], 4));
    });
    let mut options = small();
    options[0] = 0x46;
    options[3] += 4;
    options.splice(20..20, [1, 1, 1, 0]);
    seen(&ethernet(0x0800, &options), |packet| {
        assert_eq!(packet.payload, b"data")
    });
}

#[test]
fn a_length_of_zero_reaches_to_the_end_and_a_cut_packet_keeps_its_own() {
    let mut offloaded = ipv4(6, &tcp(1, 2, &[7; 3000]));
    (offloaded[2], offloaded[3]) = (0, 0);
    seen(&ethernet(0x0800, &offloaded), |packet| {
        assert_eq!(packet.payload_octets, 3000)
    });
    let mut jumbo = ipv6(6, &tcp(1, 2, &[7; 3000]));
    (jumbo[4], jumbo[5]) = (0, 0);
    seen(&ethernet(0x86dd, &jumbo), |packet| {
        assert_eq!(packet.payload_octets, 3000)
    });
    // The switch cut it: the frame ends before the packet does.
    let whole = ethernet(0x0800, &ipv4(6, &tcp(1, 2, &[7; 3000])));
    seen(&whole[..128], |packet| {
        assert_eq!((packet.payload_octets, packet.payload.len()), (3000, 70));
    });
}

#[test]
fn headers_that_contradict_themselves_are_refused() {
    let change = |place: usize, octet: u8| {
        let mut packet = small();
        packet[place] = octet;
        refused(&ethernet(0x0800, &packet))
    };
    assert_eq!(change(0, 0x65), Undecodable::BadNetworkHeader);
    assert_eq!(change(0, 0x44), Undecodable::BadNetworkHeader);
    assert_eq!(change(3, 19), Undecodable::BadNetworkHeader);
    assert_eq!(
        refused(&ethernet(0x86dd, &[0x45; 40])),
        Undecodable::BadNetworkHeader
    );
    assert_eq!(
        refused(&ethernet(0x0800, &[0x45; 19])),
        Undecodable::BadNetworkHeader
    );
    // The same when the capture ends there, and not the packet.
    let octets = ethernet(0x0800, &small());
    let mut cut = frame(LinkType::ETHERNET, &octets[..30]);
    cut.wire_octets = 46;
    assert_eq!(
        Decoder::default().decode(&cut).unwrap_err(),
        Undecodable::Truncated
    );
}

#[test]
fn every_extension_header_of_ipv6_is_passed_over() {
    let datagram = udp(1000, 2000, b"data");
    let hop = [43, 0, 1, 4, 0, 0, 0, 0];
    let routing = [60, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let options = [135, 0, 1, 4, 0, 0, 0, 0];
    let mobility = [51, 0, 0, 0, 0, 0, 0, 0];
    let authentication = [44, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    let atomic = [17, 0, 0, 0, 0, 0, 0, 9];
    let all = join(&[
        &hop,
        &routing,
        &options,
        &mobility,
        &authentication,
        &atomic,
        &datagram,
    ]);
    seen(&ethernet(0x86dd, &ipv6(0, &all)), |packet| {
        assert_eq!(
            (packet.network.family, packet.network.protocol),
            (Family::V6, 17)
        );
        assert_eq!(
            (packet.network.source[15], packet.network.destination[15]),
            (1, 2)
        );
        assert_eq!((packet.network.dscp, packet.network.ecn), (26, 2));
        assert_eq!(
            (packet.payload, packet.destination_port),
            (&b"data"[..], 2000)
        );
    });
    let endless = [60, 0, 1, 4, 0, 0, 0, 0].repeat(100);
    assert_eq!(
        refused(&ethernet(0x86dd, &ipv6(60, &endless))),
        Undecodable::TooDeep
    );
    assert_eq!(
        refused(&ethernet(0x86dd, &ipv6(60, &[17]))),
        Undecodable::BadNetworkHeader
    );
    seen(&ethernet(0x86dd, &ipv6(59, &[])), |packet| {
        assert_eq!(packet.network.protocol, 59)
    });
}
