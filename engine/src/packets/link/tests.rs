use crate::packets::frames::{ethernet, frame, join, seen, small, vlan, with};
use crate::packets::{Decoder, Family, LinkType, Undecodable};

fn is_small(link: LinkType, header: &[u8]) {
    with(link, &join(&[header, &small()]), |packet| {
        let packet = packet.unwrap();
        assert_eq!(packet.network.family, Family::V4, "{link:?}");
        assert_eq!((packet.source_port, packet.destination_port), (1000, 2000));
        assert_eq!((packet.payload, packet.payload_octets), (&b"data"[..], 4));
    });
}

#[test]
fn each_link_type_leads_to_its_packet() {
    for link in [
        LinkType::RAW,
        LinkType::RAW_BSD,
        LinkType::RAW_OPENBSD,
        LinkType::IPV4,
    ] {
        is_small(link, &[]);
    }
    is_small(LinkType::NULL, &[2, 0, 0, 0]);
    is_small(LinkType::NULL, &[0, 0, 0, 2]);
    is_small(LinkType::LOOP, &[0, 0, 0, 2]);
    is_small(
        LinkType::LINUX_SLL,
        &[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, 8, 0],
    );
    is_small(
        LinkType::LINUX_SLL2,
        &[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0],
    );
    is_small(LinkType::PPP, &[0xff, 3, 0, 0x21]);
    is_small(LinkType::PPP, &[0x21]);
    is_small(LinkType::PPP_HDLC, &[0x0f, 0, 8, 0]);
    is_small(LinkType::CISCO_HDLC, &[0x0f, 0, 8, 0]);
    is_small(LinkType::PPP_ETHER, &[0x11, 0, 0, 1, 0, 34, 0, 0x21]);
    // Per-packet information with four octets of fields, around raw IP.
    is_small(LinkType::PPI, &[0, 0, 12, 0, 101, 0, 0, 0, 9, 9, 9, 9]);
}

#[test]
fn a_cooked_frame_that_is_not_ip_has_its_sender() {
    let arp = [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, 8, 6, 1, 2, 3];
    with(LinkType::LINUX_SLL, &arp, |packet| {
        let packet = packet.unwrap();
        assert_eq!(packet.network.family, Family::Ethernet);
        assert_eq!(packet.network.source[..6], [2, 0, 0, 0, 0, 2]);
        assert_eq!(
            (packet.network.ether_type, packet.payload),
            (0x0806, &[1, 2, 3][..])
        );
    });
}

#[test]
fn what_no_link_header_says_is_counted_by_reason() {
    let reason = |link, octets: &[u8]| with(link, octets, |packet| packet.unwrap_err());
    assert_eq!(
        reason(LinkType(147), &small()),
        Undecodable::UnknownLinkType
    );
    assert_eq!(
        reason(LinkType::NULL, &[9, 9, 9, 9, 0]),
        Undecodable::BadLinkHeader
    );
    assert_eq!(
        reason(LinkType::LINUX_SLL, &[0; 15]),
        Undecodable::BadLinkHeader
    );
    assert_eq!(reason(LinkType::RAW, &[]), Undecodable::Truncated);
    // Per-packet information in itself, without end.
    let nested = [0, 0, 8, 0, 192, 0, 0, 0].repeat(100);
    assert_eq!(reason(LinkType::PPI, &nested), Undecodable::TooDeep);
}

#[test]
fn a_tag_that_the_kernel_took_off_counts_unless_another_follows() {
    let octets = ethernet(0x0800, &small());
    let mut given = frame(LinkType::ETHERNET, &octets);
    given.stripped_vlan = Some(0x6005);
    let mut decoder = Decoder::default();
    let packet = decoder.decode(&given).unwrap();
    assert_eq!((packet.vlan, packet.priority), (5, 3));
    seen(
        &ethernet(0x8100, &vlan(0xe007, 0x0800, &small())),
        |packet| {
            assert_eq!((packet.vlan, packet.priority), (7, 7));
        },
    );
}
