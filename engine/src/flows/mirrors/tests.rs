use super::*;

fn tunnel(id: u32, sequence: u32) -> Option<Tunnel> {
    Some(Tunnel {
        kind: TunnelKind::Erspan2,
        id,
        egress: None,
        sequence: Some(sequence),
        source: [1; 16],
        destination: [2; 16],
    })
}

fn observed(sequences: &[u32]) -> Mirror {
    let mut mirrors = Mirrors::default();
    for &sequence in sequences {
        assert_eq!(mirrors.observe(&tunnel(5, sequence)), 0);
    }
    mirrors.sessions()[0].clone()
}

#[test]
fn gaps_are_missing_until_a_late_packet_fills_them() {
    let mirror = observed(&[u32::MAX - 1, u32::MAX, 0, 4, 2, 2, 5]);
    assert_eq!((mirror.seen, mirror.missing), (6, 2));
    assert_eq!((mirror.late, mirror.repeated, mirror.restarts), (1, 1, 0));
    assert_eq!(mirror.visibility(), 0.75);
}

#[test]
fn numbers_that_begin_anew_are_no_loss() {
    let mirror = observed(&[5_000_000, 5_000_001, 0, 1]);
    assert_eq!((mirror.seen, mirror.missing, mirror.restarts), (4, 0, 1));
    // A device that sets no number at all.
    let mirror = observed(&[0, 0, 0]);
    assert_eq!((mirror.seen, mirror.missing, mirror.repeated), (1, 0, 2));
}

#[test]
fn sessions_are_apart_and_bounded() {
    let mut mirrors = Mirrors::default();
    assert_eq!(mirrors.observe(&None), UNNUMBERED);
    for id in 0..1100 {
        mirrors.observe(&tunnel(id, id));
    }
    mirrors.observe(&tunnel(3, 4));
    mirrors.observe(&tunnel(3, 6));
    assert_eq!((mirrors.sessions().len(), mirrors.unfollowed), (1024, 76));
    let erspan2 = TunnelKind::Erspan2 as u8;
    assert_eq!(mirrors.visibility_of(erspan2, 3), 0.75);
    assert_eq!(mirrors.visibility_of(erspan2, 4), 1.0);
    assert_eq!(mirrors.visibility_of(erspan2, 5000), 1.0);
    let mark = mirrors.mark(3);
    mirrors.observe(&tunnel(3, 7));
    mirrors.observe(&tunnel(3, 10));
    assert_eq!(mirrors.visibility_since(&[mark, Mark::NONE]), 3.0 / 5.0);
}
