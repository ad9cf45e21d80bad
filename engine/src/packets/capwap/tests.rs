use crate::packets::TunnelKind;
use crate::packets::frames::{ethernet, ipv4, join, seen, small, udp};

/// A data packet with a header of eight octets. `bits`: kind of radio and whether the frame is its own.
fn data(bits: u8, flags: u8, frame: &[u8]) -> Vec<u8> {
    let payload = join(&[&[0, 0x10, bits, flags, 0, 0, 0, 0], frame]);
    ethernet(0x0800, &ipv4(17, &udp(5247, 40_000, &payload)))
}

fn wireless(control: [u8; 2], more: usize) -> Vec<u8> {
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    join(&[&control, &vec![0; 22 + more], &snap, &small()])
}

#[test]
fn data_frames_are_read() {
    let frames = [
        data(0x03, 0, &wireless([0x08, 0x01], 0)),
        data(0x03, 0, &wireless([0x01, 0x08], 0)),
        data(0x03, 0, &wireless([0x08, 0x03], 6)),
        data(0x03, 0, &wireless([0x88, 0x02], 2)),
        data(0x00, 0, &ethernet(0x0800, &small())),
    ];
    for frame in frames {
        seen(&frame, |packet| {
            assert_eq!(packet.tunnel.unwrap().kind, TunnelKind::Capwap);
            assert_eq!(
                (packet.destination_port, packet.payload),
                (2000, &b"data"[..])
            );
        });
    }
}

#[test]
fn other_frames_stay_what_carries_them() {
    let frames = [
        // Management, encrypted, a fragment, another radio, too short.
        data(0x03, 0, &wireless([0x40, 0x00], 0)),
        data(0x03, 0, &wireless([0x08, 0x41], 0)),
        data(0x03, 0x80, &wireless([0x08, 0x01], 0)),
        data(0x07, 0, &wireless([0x08, 0x01], 0)),
        data(0x03, 0, &[0x08]),
    ];
    for frame in frames {
        seen(&frame, |packet| {
            assert_eq!((packet.source_port, packet.tunnel), (5247, None));
        });
    }
}
