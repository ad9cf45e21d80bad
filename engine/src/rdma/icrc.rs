//! The invariant CRC: over everything that no switch or router may change on the way.
//!
//! Fields that may change count as ones (InfiniBand specification 7.8.1; annexes A16 and A17): of IPv4 the type of
//! service, time to live and header checksum; of IPv6 and of the global route header traffic class, flow label and hop
//! limit; the UDP checksum; of the local route header the virtual lane; of the base transport header the octet with the
//! congestion marks. RoCE has no local route header: eight octets of ones stand for it.

use crc32fast::Hasher;

use crate::packets::{Rdma, RdmaLink};

use super::headers::ICRC;

const ONES: [u8; 8] = [0xff; 8];
/// The longest headers that are covered: IPv4 with options, or IPv6 with some extension headers, and UDP.
const LONGEST: usize = 256;

/// Whether the invariant CRC of a packet is right; None when the packet was not captured whole.
pub fn right(rdma: &Rdma<'_>) -> Option<bool> {
    let octets = rdma.transport.get(..rdma.wire_octets as usize)?;
    let (body, told) = octets.split_at_checked(octets.len().checked_sub(ICRC as usize)?)?;
    let told = u32::from_le_bytes(*told.first_chunk::<4>()?);
    Some(compute(rdma.link, rdma.covered, body)? == told)
}

/// The invariant CRC of `body`, which is a packet from its base transport header to the end of its padding, after the
/// headers `covered`. It stands in the packet with its lowest octet first. None when the headers are none that RDMA has.
pub fn compute(link: RdmaLink, covered: &[u8], body: &[u8]) -> Option<u32> {
    let mut masked = [0; LONGEST];
    let headers = masked.get_mut(..covered.len())?;
    headers.copy_from_slice(covered);
    let mut crc = Hasher::new();
    match link {
        RdmaLink::Infiniband => {
            let (local, global) = headers.split_at_mut_checked(8)?;
            *local.first_mut()? |= 0xf0;
            if !global.is_empty() {
                mask_version_6(global)?;
            }
        }
        RdmaLink::Rocev1 => {
            crc.update(&ONES);
            mask_version_6(headers)?;
        }
        RdmaLink::Rocev2 => {
            crc.update(&ONES);
            let network = headers.len().checked_sub(8)?;
            let (network, udp) = headers.split_at_mut_checked(network)?;
            udp.get_mut(6..8)?.fill(0xff);
            match network.first()? >> 4 {
                4 => {
                    *network.get_mut(1)? = 0xff;
                    *network.get_mut(8)? = 0xff;
                    network.get_mut(10..12)?.fill(0xff);
                }
                _ => mask_version_6(network)?,
            }
        }
    }
    crc.update(headers);
    let (base, rest) = body.split_first_chunk::<12>()?;
    let mut base = *base;
    base[4] = 0xff;
    crc.update(&base);
    crc.update(rest);
    Some(crc.finalize())
}

/// IPv6 and the global route header are laid out alike.
fn mask_version_6(header: &mut [u8]) -> Option<()> {
    *header.first_mut()? |= 0x0f;
    header.get_mut(1..4)?.fill(0xff);
    *header.get_mut(7)? = 0xff;
    Some(())
}

#[cfg(test)]
mod tests;
