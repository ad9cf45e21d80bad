use super::{MAX_DATAGRAMS, MAX_OCTETS, SideOctets};

fn put(side: &mut SideOctets, octets: &[u8], sequence: u32) -> bool {
    side.segment(octets, octets.len() as u32, sequence, None)
}

#[test]
fn segments_in_any_order_give_the_stream() {
    let text: Vec<u8> = (0..200).map(|number| number as u8).collect();
    // Every order of four segments; the first one that comes is taken for the beginning until an earlier one comes.
    let parts = [(0, 50), (50, 100), (100, 150), (150, 200)];
    for order in permutations(&parts) {
        for begins in [None, Some(u32::MAX - 20)] {
            let mut side = SideOctets::default();
            for (from, to) in &order {
                let sequence = (u32::MAX - 20).wrapping_add(*from as u32);
                side.segment(&text[*from..*to], (to - from) as u32, sequence, begins);
            }
            assert_eq!(side.octets(), text, "{order:?} {begins:?}");
            assert_eq!(side.message(0).unwrap().first, 50);
        }
    }
}

fn permutations(parts: &[(usize, usize)]) -> Vec<Vec<(usize, usize)>> {
    if parts.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for index in 0..parts.len() {
        let mut rest = parts.to_vec();
        let first = rest.remove(index);
        for mut order in permutations(&rest) {
            order.insert(0, first);
            all.push(order);
        }
    }
    all
}

#[test]
fn what_came_first_stays_where_segments_overlap() {
    let mut side = SideOctets::default();
    assert!(put(&mut side, b"abcd", 100));
    assert!(!put(&mut side, b"XXXX", 100), "sent again");
    assert!(put(&mut side, b"XXef", 102));
    assert!(!put(&mut side, b"ij", 108), "waits");
    assert!(put(&mut side, b"ghIJk", 106));
    assert_eq!(side.octets(), b"abcdefghIJk");
}

#[test]
fn a_keep_alive_is_no_beginning() {
    let mut side = SideOctets::default();
    put(&mut side, b"hello", 1000);
    assert!(!put(&mut side, b"\0", 999));
    assert!(
        put(&mut side, b"\0hello world", 999),
        "it may repeat the rest"
    );
    assert_eq!(side.octets(), b"hello world");
}

#[test]
fn nothing_is_said_before_the_beginning_that_the_syn_told() {
    let mut side = SideOctets::default();
    assert!(!side.segment(b"second", 6, 106, Some(100)));
    assert_eq!(side.messages(), 0);
    assert!(side.segment(b"first ", 6, 100, Some(100)));
    assert_eq!(side.octets(), b"first second");
}

#[test]
fn datagrams_keep_their_bounds() {
    let mut side = SideOctets::default();
    assert!(side.datagram(b"one", 3));
    assert!(side.datagram(b"cut", 1400));
    assert_eq!(side.message(0).unwrap().octets, b"one");
    let second = side.message(1).unwrap();
    assert_eq!(
        (second.octets, second.size, second.first),
        (b"cut".as_slice(), 1400, 3)
    );
    assert!(side.message(2).is_none());
}

#[test]
fn bounded_whatever_comes() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let octets = [7; 3000];
    for round in 0..2000 {
        let mut side = SideOctets::default();
        let begins = (round % 3 == 0).then(|| random() as u32);
        let near = random() as u32;
        for _ in 0..20 {
            let length = (random() % 3000) as usize;
            let sequence = match random() % 3 {
                0 => random() as u32,
                _ => near
                    .wrapping_add((random() % 6000) as u32)
                    .wrapping_sub(3000),
            };
            match round % 2 {
                0 => side.segment(&octets[..length], length as u32, sequence, begins),
                _ => side.datagram(&octets[..length], random() as u32),
            };
            assert!(side.octets().len() <= MAX_OCTETS);
            assert!(side.messages() <= MAX_DATAGRAMS);
            assert!(side.waiting.len() <= super::MAX_WAITING);
            for index in 0..side.messages() {
                assert!(side.message(index).is_some());
            }
        }
    }
}
