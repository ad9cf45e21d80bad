//! IPv4 and IPv6, down to what follows their last extension header.

use super::link::{IPV4, IPV6, padded};
use super::span::Span;
use super::walk::{Step, Walk};
use super::{Family, Fragment, Network, Undecodable};

const BAD: Undecodable = Undecodable::BadNetworkHeader;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;

impl<'a> Walk<'a> {
    /// IP of whichever version it says.
    pub(super) fn any_ip(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        match span.octet(0).ok_or(Undecodable::Truncated)? >> 4 {
            4 => Ok(Step::EtherType(IPV4, span)),
            6 => Ok(Step::EtherType(IPV6, span)),
            _ => Err(BAD),
        }
    }

    /// RFC 791. A total length of 0 is what a capture on the sending host shows of a packet that its card will cut
    /// (segmentation offload): it is as long as the frame. One that is larger than the frame is that of a packet which
    /// was cut to be mirrored.
    #[inline]
    pub(super) fn ipv4(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let (head, _) = span.head::<20>(BAD)?;
        let [
            version,
            service,
            total_high,
            total_low,
            id_high,
            id_low,
            flags,
            offset_low,
            hops,
            protocol,
            _,
            _,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ] = *head;
        let octets = usize::from(version & 0x0f) * 4;
        if version >> 4 != 4 || octets < 20 {
            return Err(BAD);
        }
        let total = usize::from(u16::from_be_bytes([total_high, total_low]));
        let packet = match total {
            0 => span,
            _ if total < octets => return Err(BAD),
            _ => span.told(total),
        };
        self.begin_network(
            Network {
                family: Family::V4,
                source: padded(&[s0, s1, s2, s3]),
                destination: padded(&[d0, d1, d2, d3]),
                protocol,
                ether_type: IPV4,
                hops,
                dscp: service >> 2,
                ecn: service & 3,
                fragment: Fragment::Whole,
            },
            packet.octets,
        );
        let rest = packet.skip(octets, BAD)?;
        let position = u16::from_be_bytes([flags & 0x3f, offset_low]);
        if position == 0 {
            return Ok(Step::Upper(protocol, rest));
        }
        Ok(self.comes_in_parts(
            u32::from(u16::from_be_bytes([id_high, id_low])),
            usize::from(position & 0x1fff) * 8,
            position & 0x2000 != 0,
            protocol,
            rest,
        ))
    }

    /// RFC 8200. A payload length of 0 belongs to a jumbogram or to segmentation offload: as long as the frame.
    #[inline]
    pub(super) fn ipv6(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let (head, rest) = span.head::<40>(BAD)?;
        let (first, addresses) = head.split_first_chunk::<8>().ok_or(BAD)?;
        let [version, class, _, _, length_high, length_low, next, hops] = *first;
        if version >> 4 != 6 {
            return Err(BAD);
        }
        let (source, destination) = addresses.split_first_chunk::<16>().ok_or(BAD)?;
        let class = version << 4 | class >> 4;
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        let (packet, rest) = match length {
            0 if next != 59 => (span, rest),
            _ => (span.told(length + 40), rest.told(length)),
        };
        self.begin_network(
            Network {
                family: Family::V6,
                source: *source,
                destination: *destination.first_chunk().ok_or(BAD)?,
                protocol: next,
                ether_type: IPV6,
                hops,
                dscp: class >> 2,
                ecn: class & 3,
                fragment: Fragment::Whole,
            },
            packet.octets,
        );
        self.extensions(next, rest)
    }

    /// Hop-by-hop options, routing, destination options, mobility, HIP, shim6, authentication, fragments.
    #[inline]
    fn extensions(&mut self, mut next: u8, mut span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        loop {
            let octets = match next {
                0 | 43 | 60 | 135 | 139 | 140 => {
                    (usize::from(span.octet(1).ok_or_else(|| ends(span))?) + 1) * 8
                }
                AUTHENTICATION => (usize::from(span.octet(1).ok_or_else(|| ends(span))?) + 2) * 4,
                FRAGMENT => {
                    let (head, rest) = span.head::<8>(BAD)?;
                    self.deeper()?;
                    let [after, _, high, low, id @ ..] = *head;
                    let position = u16::from_be_bytes([high, low]);
                    if position & 0xfff9 != 0 {
                        return Ok(self.comes_in_parts(
                            u32::from_be_bytes(id),
                            usize::from(position & 0xfff8),
                            position & 1 != 0,
                            after,
                            rest,
                        ));
                    }
                    // An atomic fragment (RFC 6946) is all of it.
                    next = after;
                    span = rest;
                    continue;
                }
                _ => {
                    self.network.protocol = next;
                    return Ok(Step::Upper(next, span));
                }
            };
            self.deeper()?;
            next = span.octet(0).ok_or_else(|| ends(span))?;
            span = span.skip(octets, BAD)?;
        }
    }

    /// What follows the headers of an IP packet. In a fragment of IPv6 that was put together extension headers can come
    /// again.
    #[inline]
    pub(super) fn upper(&mut self, protocol: u8, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        if self.network.family == Family::V6
            && matches!(
                protocol,
                0 | 43 | FRAGMENT | AUTHENTICATION | 60 | 135 | 139 | 140
            )
        {
            return self.extensions(protocol, span);
        }
        self.transport(protocol, span)
    }
}

#[cold]
fn ends(span: Span<'_>) -> Undecodable {
    if span.wire < 2 {
        BAD
    } else {
        Undecodable::Truncated
    }
}

#[cfg(test)]
mod tests;
