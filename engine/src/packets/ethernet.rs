//! Ethernet and what its EtherType says: VLAN tags, MPLS labels, PPPoE, logical link headers.

use super::link::{IPV4, IPV6, padded};
use super::span::Span;
use super::walk::{Step, Walk};
use super::{Family, Undecodable};

const BAD: Undecodable = Undecodable::BadLinkHeader;
const MPLS: u16 = 0x8847;
const PPPOE: u16 = 0x8864;
/// The largest number that is a length (IEEE 802.3), and the smallest that is a type.
const MAX_LENGTH: u16 = 1500;
const MIN_TYPE: u16 = 1536;

impl<'a> Walk<'a> {
    #[inline]
    pub(super) fn ethernet(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let (head, rest) = span.head::<14>(BAD)?;
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, high, low] = *head;
        self.network.family = Family::Ethernet;
        self.network.destination = padded(&[d0, d1, d2, d3, d4, d5]);
        self.network.source = padded(&[s0, s1, s2, s3, s4, s5]);
        Ok(length_or_type(u16::from_be_bytes([high, low]), rest))
    }

    #[inline]
    pub(super) fn ether_type(
        &mut self,
        ether_type: u16,
        span: Span<'a>,
    ) -> Result<Step<'a>, Undecodable> {
        self.network.ether_type = ether_type;
        match ether_type {
            IPV4 => self.ipv4(span),
            IPV6 => self.ipv6(span),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => self.vlan(span),
            MPLS | 0x8848 => self.mpls(span),
            PPPOE => self.pppoe(span),
            0x8915 => self.roce_v1(span),
            MAX_LENGTH..MIN_TYPE if ether_type > MAX_LENGTH => Err(BAD),
            _ => Ok(self.carries(span)),
        }
    }

    fn vlan(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let (head, rest) = span.head::<4>(BAD)?;
        let [a, b, high, low] = *head;
        self.tag(u16::from_be_bytes([a, b]));
        Ok(length_or_type(u16::from_be_bytes([high, low]), rest))
    }

    /// IEEE 802.2: what follows a length instead of a type.
    pub(super) fn llc(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        self.network.ether_type = 0;
        match span.octets {
            // SNAP with an EtherType: of Ethernet itself, or bridged (IEEE 802.1H).
            [0xaa, 0xaa, 0x03, 0, 0, 0 | 0xf8, high, low, ..] => Ok(Step::EtherType(
                u16::from_be_bytes([*high, *low]),
                span.past(8),
            )),
            _ => Ok(self.carries(span)),
        }
    }

    /// Labels down to the bottom of the stack. What is below them nobody says: an IP version, or a frame (RFC 4448),
    /// with or without a control word.
    fn mpls(&mut self, mut span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        loop {
            let (label, rest) = span.head::<4>(BAD)?;
            self.deeper()?;
            span = rest;
            if label[2] & 1 == 1 {
                break;
            }
        }
        let Some(first) = span.octet(0) else {
            return Ok(self.carries(span));
        };
        Ok(match first >> 4 {
            4 => Step::EtherType(IPV4, span),
            6 => Step::EtherType(IPV6, span),
            0 if span.be16(16).is_some_and(known) => Step::Ethernet(span.past(4)),
            _ if span.be16(12).is_some_and(known) => Step::Ethernet(span),
            _ => self.carries(span),
        })
    }

    /// A PPPoE session (RFC 2516). Its control packets stay with EtherType 0x8864.
    pub(super) fn pppoe(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        self.network.ether_type = PPPOE;
        let (head, rest) = span.head::<6>(BAD)?;
        let [version, code, _, _, high, low] = *head;
        if version != 0x11 {
            return Err(BAD);
        }
        if code != 0 {
            return Ok(self.carries(span));
        }
        self.ppp(rest.limit(usize::from(u16::from_be_bytes([high, low]))))
    }
}

#[inline]
fn length_or_type(number: u16, rest: Span<'_>) -> Step<'_> {
    if number <= MAX_LENGTH {
        Step::Llc(rest.limit(usize::from(number)))
    } else {
        Step::EtherType(number, rest)
    }
}

/// Whether this is so likely an EtherType that a frame stands there.
fn known(ether_type: u16) -> bool {
    matches!(
        ether_type,
        IPV4 | IPV6 | 0x0806 | 0x8100 | 0x88a8 | MPLS | PPPOE | 0x8863 | 0x8915 | 0x88cc
    )
}

#[cfg(test)]
mod tests;
