use crate::packets::frames::{
    ethernet, frame, global, ipv4_part, ipv6_part, join, small, transport, udp,
};
use crate::packets::{Decoder, DecoderLimits, Fragment, FragmentCounts, LinkType};

const MORE: u16 = 0x2000;

/// Port, what it is a part of, octets of payload on the wire, payload.
type Seen = (u16, Fragment, u32, Vec<u8>);

fn decode(decoder: &mut Decoder, octets: &[u8], seconds: u64) -> Seen {
    let mut given = frame(LinkType::ETHERNET, octets);
    given.time_ns = seconds * 1_000_000_000;
    let packet = decoder.decode(&given).unwrap();
    (
        packet.destination_port,
        packet.network.fragment,
        packet.payload_octets,
        packet.payload.to_vec(),
    )
}

/// The part of a datagram of IPv4 from `from` on.
fn part(id: u16, datagram: &[u8], from: usize, to: usize) -> Vec<u8> {
    let more = if to < datagram.len() { MORE } else { 0 };
    let position = u16::try_from(from / 8).unwrap() | more;
    ethernet(0x0800, &ipv4_part(id, position, 17, &datagram[from..to]))
}

fn datagram(octets: usize) -> Vec<u8> {
    let payload: Vec<u8> = (0..octets).map(|number| (number % 251) as u8).collect();
    udp(1000, 2000, &payload)
}

#[test]
fn the_last_missing_part_has_the_whole() {
    let all = datagram(3000);
    let parts = [
        part(1, &all, 0, 1480),
        part(1, &all, 1480, 2960),
        part(1, &all, 2960, 3008),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [2, 1, 0], [1, 0, 2]] {
        let mut decoder = Decoder::default();
        let seen = order.map(|number: usize| decode(&mut decoder, &parts[number], 1));
        let (port, fragment, _, payload) = &seen[2];
        assert_eq!(
            (*port, *fragment),
            (2000, Fragment::Reassembled),
            "{order:?}"
        );
        assert_eq!(payload, &all[8..], "{order:?}");
        // Each has its own share.
        assert_eq!(
            seen.iter().map(|seen| seen.2).sum::<u32>(),
            3000,
            "{order:?}"
        );
        assert_eq!(decoder.fragments().reassembled, 1);
    }
}

#[test]
fn a_later_part_has_the_ports_of_the_first() {
    let all = datagram(3000);
    let mut decoder = Decoder::default();
    // Nobody knows them yet.
    let seen = decode(&mut decoder, &part(1, &all, 1480, 2960), 1);
    assert_eq!((seen.0, seen.1, seen.2), (0, Fragment::Later, 1480));
    let seen = decode(&mut decoder, &part(1, &all, 0, 1480), 1);
    assert_eq!((seen.0, seen.1, seen.2), (2000, Fragment::First, 1472));
    let mut cut = frame(LinkType::ETHERNET, &[]);
    let octets = part(1, &all, 2960, 3008);
    cut.octets = &octets[..40];
    cut.wire_octets = 82;
    let packet = decoder.decode(&cut).unwrap();
    assert_eq!(
        (packet.destination_port, packet.network.fragment),
        (2000, Fragment::Later)
    );
    assert_eq!((packet.payload_octets, packet.payload.len()), (48, 6));
    let counts = FragmentCounts {
        unusable: 1,
        ..FragmentCounts::default()
    };
    assert_eq!(decoder.fragments(), counts);
}

#[test]
fn ipv6_is_put_together_from_its_own_header() {
    let all = join(&[&[17, 0, 1, 4, 0, 0, 0, 0], &datagram(2000)]);
    let octets = |from: usize, to: usize| {
        let position = u16::try_from(from).unwrap() | u16::from(to < all.len());
        ethernet(
            0x86dd,
            &ipv6_part(0xabcd_ef01, position, 60, &all[from..to]),
        )
    };
    let mut decoder = Decoder::default();
    let seen = decode(&mut decoder, &octets(0, 1400), 1);
    assert_eq!((seen.0, seen.1), (2000, Fragment::First));
    let seen = decode(&mut decoder, &octets(1400, all.len()), 1);
    assert_eq!(
        (seen.0, seen.1, seen.3.len()),
        (2000, Fragment::Reassembled, 2000)
    );
}

#[test]
fn parts_that_contradict_each_other_are_attributed_only() {
    let all = datagram(3000);
    let whole = part(1, &all, 0, 1480);
    let cases = [
        // Teardrop: inside of the first, across its end, behind the end, another end, ragged.
        vec![part(1, &all, 24, 48)],
        vec![part(1, &all, 1472, 2000)],
        vec![
            part(1, &all, 2960, 3008),
            ethernet(0x0800, &ipv4_part(1, 400 | MORE, 17, &[0; 8])),
        ],
        vec![
            part(1, &all, 2960, 3008),
            ethernet(0x0800, &ipv4_part(1, 400, 17, &[0; 8])),
        ],
        vec![ethernet(0x0800, &ipv4_part(1, 185 | MORE, 17, &[0; 13]))],
        // Larger than a packet can be.
        vec![ethernet(0x0800, &ipv4_part(1, 0x1fff, 17, &[0; 64]))],
    ];
    for (number, case) in cases.iter().enumerate() {
        let mut decoder = Decoder::default();
        decode(&mut decoder, &whole, 1);
        for octets in case
            .iter()
            .chain([&part(1, &all, 1480, 2960), &part(1, &all, 2960, 3008)])
        {
            let seen = decode(&mut decoder, octets, 1);
            assert_eq!((seen.0, seen.1), (2000, Fragment::Later), "case {number}");
        }
        assert_eq!(decoder.fragments().unusable, 1, "case {number}");
    }
}

#[test]
fn the_same_part_twice_changes_nothing() {
    let all = datagram(2000);
    let mut decoder = Decoder::default();
    for octets in [part(1, &all, 0, 1480), part(1, &all, 0, 1480)] {
        assert_eq!(decode(&mut decoder, &octets, 1).1, Fragment::First);
    }
    assert_eq!(
        decode(&mut decoder, &part(1, &all, 1480, 2008), 1).1,
        Fragment::Reassembled
    );
    // Mirrored twice: the next first part begins anew.
    assert_eq!(
        decode(&mut decoder, &part(1, &all, 1480, 2008), 1).1,
        Fragment::Later
    );
    assert_eq!(
        decode(&mut decoder, &part(1, &all, 0, 1480), 1).1,
        Fragment::First
    );
    assert_eq!(
        decode(&mut decoder, &part(1, &all, 1480, 2008), 1).1,
        Fragment::Reassembled
    );
}

#[test]
fn a_number_is_used_again_after_its_time() {
    let all = datagram(2000);
    let mut decoder = Decoder::default();
    decode(&mut decoder, &part(1, &all, 0, 1480), 1);
    let seen = decode(&mut decoder, &part(1, &all, 1480, 2008), 32);
    assert_eq!((seen.0, seen.1), (0, Fragment::Later));
}

#[test]
fn a_flood_is_bounded_by_numbers_and_octets() {
    let limits = DecoderLimits {
        fragmented_packets: 16,
        octets: 20_000,
        ..DecoderLimits::default()
    };
    let all = datagram(3000);
    let mut decoder = Decoder::new(limits);
    for id in 0..1000 {
        decode(&mut decoder, &part(id, &all, 0, 1480), 1);
        assert!(decoder.fragments.kept <= 20_000);
        assert!(decoder.fragments.ring.len() <= 16 && decoder.fragments.places.len() <= 16);
        let kept: usize = decoder
            .fragments
            .ring
            .iter()
            .map(|datagram| datagram.buffer.capacity())
            .sum();
        assert_eq!(kept, decoder.fragments.kept);
    }
    assert!(decoder.fragments().incomplete >= 984);
    // The last one is still there; one whose octets were let go is still attributed.
    assert_eq!(
        decode(&mut decoder, &part(990, &all, 1480, 2960), 1).0,
        2000
    );
    decode(&mut decoder, &part(999, &all, 1480, 2960), 1);
    assert_eq!(
        decode(&mut decoder, &part(999, &all, 2960, 3008), 1).1,
        Fragment::Reassembled
    );
    // Many parts of eight octets: no more than a packet has.
    for place in 1..200 {
        decode(
            &mut decoder,
            &ethernet(0x0800, &ipv4_part(2000, (2 * place) | MORE, 17, &[0; 8])),
            1,
        );
    }
    assert_eq!(decoder.fragments().unusable, 1);
}

#[test]
fn a_tunnel_in_fragments_is_read_and_its_parts_belong_to_what_is_in_it() {
    let inner = join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &ethernet(0x0800, &small())]);
    let mut all = udp(50_000, 4789, &join(&[&inner, &[0; 700]]));
    all.truncate(720);
    let mut decoder = Decoder::default();
    let seen = decode(&mut decoder, &part(1, &all, 0, 400), 1);
    assert_eq!((seen.0, seen.1), (2000, Fragment::First));
    let octets = part(1, &all, 400, 560);
    let packet = decoder.decode(&frame(LinkType::ETHERNET, &octets)).unwrap();
    assert_eq!(
        (packet.destination_port, packet.network.fragment),
        (2000, Fragment::Later)
    );
    assert_eq!(packet.tunnel.unwrap().id, 5);
    let seen = decode(&mut decoder, &part(1, &all, 560, 720), 1);
    assert_eq!(
        (seen.0, seen.1, seen.3),
        (2000, Fragment::Reassembled, b"data".to_vec())
    );
    // A part in an overlay network is another's than one with the same number outside of it.
    let outside = decode(&mut decoder, &part(9, &datagram(2000), 0, 1480), 1);
    assert_eq!(outside.1, Fragment::First);
    let inside = ipv4_part(9, 185, 17, &[0; 528]);
    let inside = udp(
        1,
        4789,
        &join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &ethernet(0x0800, &inside)]),
    );
    let seen = decode(
        &mut decoder,
        &ethernet(0x0800, &ipv4_part(7, 0, 17, &inside)),
        1,
    );
    assert_eq!((seen.0, seen.1), (0, Fragment::Later));
}

#[test]
fn what_is_not_ip_in_a_tunnel_in_fragments_says_so() {
    let message = transport(0x11, &[]);
    let roce = ethernet(0x8915, &global(&message));
    for (inner, carried) in [(ethernet(0x0806, &[7; 28]), vec![7; 28]), (roce, message)] {
        let all = udp(9, 4789, &join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &inner]));
        let mut decoder = Decoder::default();
        decode(&mut decoder, &part(1, &all, 40, all.len()), 1);
        let seen = decode(&mut decoder, &part(1, &all, 0, 40), 1);
        assert_eq!((seen.1, seen.3), (Fragment::Reassembled, carried));
    }
}
