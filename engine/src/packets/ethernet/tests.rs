use crate::packets::frames::{ethernet, join, refused, seen, small, vlan};
use crate::packets::{Family, Undecodable};

#[test]
fn of_several_tags_the_inner_one_counts() {
    for outer in [0x8100, 0x88a8, 0x9100] {
        let tags = vlan(0x2001, 0x8100, &vlan(0xa1f9, 0x0800, &small()));
        seen(&ethernet(outer, &tags), |packet| {
            assert_eq!((packet.vlan, packet.priority), (505, 5));
            assert_eq!(packet.network.ether_type, 0x0800);
            assert_eq!(packet.payload, b"data");
        });
    }
    let endless = [0x00, 0x01, 0x81, 0x00].repeat(100);
    assert_eq!(refused(&ethernet(0x8100, &endless)), Undecodable::TooDeep);
    assert_eq!(
        refused(&ethernet(0x8100, &[0, 1])),
        Undecodable::BadLinkHeader
    );
}

#[test]
fn labels_end_at_the_bottom_of_their_stack() {
    let labels = [0, 0, 0x10, 64, 0, 0, 0x21, 64];
    let packet = ethernet(0x8847, &join(&[&labels, &small()]));
    seen(&packet, |packet| assert_eq!(packet.destination_port, 2000));
    // A frame in a pseudowire, with and without a control word.
    let inner = ethernet(0x0800, &small());
    for word in [&[][..], &[0, 0, 0, 9]] {
        let frame = ethernet(0x8848, &join(&[&labels, word, &inner]));
        seen(&frame, |packet| assert_eq!(packet.destination_port, 2000));
    }
    // What nobody knows stays what it is.
    seen(
        &ethernet(0x8847, &join(&[&labels, &[0x10; 30]])),
        |packet| {
            assert_eq!(packet.network.ether_type, 0x8847);
            assert_eq!(packet.payload_octets, 30);
        },
    );
    let endless = [0, 0, 0x10, 64].repeat(100);
    assert_eq!(refused(&ethernet(0x8847, &endless)), Undecodable::TooDeep);
}

#[test]
fn a_session_of_pppoe_carries_ip_and_its_control_packets_do_not() {
    let session = |protocol: u16, payload: &[u8]| {
        let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
        let head = [0x11, 0, 0, 5];
        ethernet(
            0x8864,
            &join(&[&head, &length, &protocol.to_be_bytes(), payload, &[0; 9]]),
        )
    };
    seen(&session(0x0021, &small()), |packet| {
        assert_eq!((packet.destination_port, packet.payload_octets), (2000, 4));
    });
    seen(&session(0xc021, &[1, 2, 0, 4]), |packet| {
        assert_eq!(packet.network.family, Family::Ethernet);
        assert_eq!(
            (packet.network.ether_type, packet.payload_octets),
            (0x8864, 6)
        );
    });
    assert_eq!(
        refused(&ethernet(0x8864, &[0x21, 0, 0, 5, 0, 0])),
        Undecodable::BadLinkHeader
    );
}

#[test]
fn a_length_is_followed_by_a_logical_link_header() {
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let length = u16::try_from(snap.len() + small().len()).unwrap();
    seen(
        &ethernet(length, &join(&[&snap, &small(), &[0; 12]])),
        |packet| {
            assert_eq!((packet.destination_port, packet.payload_octets), (2000, 4));
        },
    );
    // A spanning tree message, padded.
    seen(
        &ethernet(7, &[0x42, 0x42, 3, 0, 0, 0, 0, 0, 0, 0]),
        |packet| {
            assert_eq!((packet.network.ether_type, packet.payload_octets), (0, 7));
        },
    );
    assert_eq!(
        refused(&ethernet(1501, &[0; 40])),
        Undecodable::BadLinkHeader
    );
}

#[test]
fn what_is_not_ip_has_ethernet_addresses() {
    seen(&ethernet(0x0806, &[0; 28]), |packet| {
        assert_eq!(packet.network.family, Family::Ethernet);
        assert_eq!(packet.network.destination[..7], [2, 0, 0, 0, 0, 1, 0]);
        assert_eq!(packet.network.source[..7], [2, 0, 0, 0, 0, 2, 0]);
        assert_eq!((packet.network.protocol, packet.payload_octets), (0, 28));
    });
    assert_eq!(refused(&[2; 13]), Undecodable::BadLinkHeader);
}
