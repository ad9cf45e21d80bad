use super::*;

/// A block from behind its status, with packets of these octets.
fn block(packets: &[&[u8]], vlan: Option<u16>) -> Vec<u8> {
    let mut block = vec![0; 4096];
    let mut put =
        |at: usize, octets: &[u8]| block[at - STATUS_END..][..octets.len()].copy_from_slice(octets);
    put(COUNT, &(packets.len() as u32).to_ne_bytes());
    put(FIRST, &64u32.to_ne_bytes());
    for (index, octets) in packets.iter().enumerate() {
        let at = 64 + index * 256;
        let status = 1 | if vlan.is_some() { VLAN_VALID } else { 0 };
        let numbers = [256, 7, 8, octets.len() as u32, 1_500, status];
        for (place, number) in numbers.iter().enumerate() {
            put(at + place * 4, &number.to_ne_bytes());
        }
        put(at + 24, &96u16.to_ne_bytes());
        put(at + 26, &110u16.to_ne_bytes());
        put(at + 32, &u32::from(vlan.unwrap_or(0)).to_ne_bytes());
        put(at + HEADER + 2, &0x86ddu16.to_be_bytes());
        put(at + HEADER + 4, &3u32.to_ne_bytes());
        put(at + HEADER + 8, &772u16.to_ne_bytes());
        put(at + HEADER + 10, &[4]);
        put(at + 96, octets);
    }
    block
}

#[test]
fn packets_are_where_the_kernel_put_them() {
    let block = block(&[b"first", b"second"], Some(0x2005));
    let mut walk = Walk::begin(&block);
    let found = walk.next(&block).unwrap();
    assert_eq!(
        octets(
            &block,
            found.link_header,
            found.link_header + found.captured
        ),
        b"first"
    );
    assert_eq!(
        (found.time_ns, found.wire_octets, found.vlan),
        (7_000_000_008, 1_500, Some(0x2005))
    );
    assert_eq!(
        (found.protocol, found.hardware_type, found.packet_type),
        (0x86dd, 772, 4)
    );
    assert_eq!(
        (found.interface, found.network_header - found.link_header),
        (3, 14)
    );
    assert!(!found.hardware_stamp);
    let found = walk.next(&block).unwrap();
    assert_eq!(
        octets(
            &block,
            found.link_header,
            found.link_header + found.captured
        ),
        b"second"
    );
    assert_eq!((walk.next(&block), walk.left()), (None, 0));
}

#[test]
fn a_block_that_contradicts_itself_ends_there() {
    let whole = block(&[b"first", b"second"], None);
    for (at, value) in [
        (FIRST, 0u32),
        (FIRST, 4_080),
        (FIRST, u32::MAX),
        (64 + 12, 4_096),
        (64 + 12, u32::MAX),
    ] {
        let mut block = whole.clone();
        block[at - STATUS_END..][..4].copy_from_slice(&value.to_ne_bytes());
        let mut walk = Walk::begin(&block);
        assert_eq!((walk.next(&block), walk.left()), (None, 2));
    }
    for length in 0..whole.len().min(700) {
        let block = &whole[..length];
        let mut walk = Walk::begin(block);
        while walk.next(block).is_some() {}
    }
}
