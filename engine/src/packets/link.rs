//! Link headers: what stands before the network header in each kind of capture.
//! Layouts: www.tcpdump.org/linktypes.html.

use super::span::Span;
use super::walk::{Step, Walk};
use super::{Family, LinkType, Undecodable};

/// Ethernet frames that a switch or a kernel passed on inside another header.
pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;

impl<'a> Walk<'a> {
    /// The first header of a frame.
    pub(super) fn link(&mut self, link: LinkType, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        match link {
            LinkType::ETHERNET => Ok(Step::Ethernet(span)),
            LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD => Ok(Step::Ip(span)),
            LinkType::IPV4 => Ok(Step::EtherType(IPV4, span)),
            LinkType::IPV6 => Ok(Step::EtherType(IPV6, span)),
            LinkType::NULL | LinkType::LOOP => loopback(span),
            LinkType::LINUX_SLL => self.cooked(span),
            LinkType::LINUX_SLL2 => self.cooked2(span),
            LinkType::PPP | LinkType::PPP_HDLC => self.ppp_framed(span),
            LinkType::PPP_ETHER => self.pppoe(span),
            LinkType::CISCO_HDLC => cisco_hdlc(span),
            LinkType::PPI => packet_information(span),
            LinkType::ERF => self.erf(span),
            LinkType::INFINIBAND => self.infiniband(span),
            _ => Err(Undecodable::UnknownLinkType),
        }
    }

    /// Linux "cooked" capture: direction, kind and address of the sender, and an EtherType.
    fn cooked(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let (head, rest) = span.head::<16>(Undecodable::BadLinkHeader)?;
        let [_, _, _, _, _, octets, a, b, c, d, e, f, _, _, high, low] = *head;
        self.sender(octets, [a, b, c, d, e, f]);
        cooked_protocol(u16::from_be_bytes([high, low]), rest)
    }

    fn cooked2(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let (head, rest) = span.head::<20>(Undecodable::BadLinkHeader)?;
        let [high, low, .., octets, a, b, c, d, e, f, _, _] = *head;
        self.sender(octets, [a, b, c, d, e, f]);
        cooked_protocol(u16::from_be_bytes([high, low]), rest)
    }

    fn sender(&mut self, octets: u8, address: [u8; 6]) {
        self.network.family = Family::Ethernet;
        if octets == 6 {
            self.network.source = padded(&address);
        }
    }

    /// PPP as on a serial line, with or without its address and control octets.
    pub(super) fn ppp_framed(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        match span.octets {
            [0xff, 0x03, ..] => self.ppp(span.past(2)),
            // Cisco HDLC in a capture that says PPP: both come from the same interfaces.
            [0x0f | 0x8f, 0x00, ..] => cisco_hdlc(span),
            _ => self.ppp(span),
        }
    }

    /// PPP's protocol field (RFC 1661), which may be compressed to one octet.
    pub(super) fn ppp(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let first = span.octet(0).ok_or(Undecodable::Truncated)?;
        let (protocol, rest) = if first & 1 == 1 {
            (u16::from(first), span.past(1))
        } else {
            let (head, rest) = span.head::<2>(Undecodable::BadLinkHeader)?;
            (u16::from_be_bytes(*head), rest)
        };
        Ok(match protocol {
            0x0021 => Step::EtherType(IPV4, rest),
            0x0057 => Step::EtherType(IPV6, rest),
            0x0281 => Step::EtherType(0x8847, rest),
            0x0283 => Step::EtherType(0x8848, rest),
            // Link and network control protocols, compressed and encrypted payload.
            _ => self.carries(span),
        })
    }
}

/// A shorter address at the beginning of one of 16 octets.
#[inline]
pub(super) fn padded<const N: usize>(address: &[u8; N]) -> super::Address {
    let mut padded = [0; 16];
    if let Some(part) = padded.get_mut(..N) {
        part.copy_from_slice(address);
    }
    padded
}

fn cooked_protocol(protocol: u16, rest: Span<'_>) -> Result<Step<'_>, Undecodable> {
    Ok(match protocol {
        // 802.3 without and with a logical link header.
        1 => Step::EtherType(0, rest),
        4 => Step::Llc(rest),
        _ => Step::EtherType(protocol, rest),
    })
}

/// The address family as the host that captured numbers it, in its own byte order (NULL) or the network's (LOOP).
fn loopback(span: Span<'_>) -> Result<Step<'_>, Undecodable> {
    let (head, rest) = span.head::<4>(Undecodable::BadLinkHeader)?;
    let family = match *head {
        [family, 0, 0, 0] | [0, 0, 0, family] => family,
        _ => return Err(Undecodable::BadLinkHeader),
    };
    match family {
        2 => Ok(Step::EtherType(IPV4, rest)),
        // Linux and Windows, NetBSD, FreeBSD, macOS.
        10 | 23 | 24 | 28 | 30 => Ok(Step::EtherType(IPV6, rest)),
        _ => Err(Undecodable::BadLinkHeader),
    }
}

fn cisco_hdlc(span: Span<'_>) -> Result<Step<'_>, Undecodable> {
    let (head, rest) = span.head::<4>(Undecodable::BadLinkHeader)?;
    let [_, _, high, low] = *head;
    Ok(Step::EtherType(u16::from_be_bytes([high, low]), rest))
}

/// Per-packet information: a header with fields about the capture, and the link type of what follows it.
fn packet_information(span: Span<'_>) -> Result<Step<'_>, Undecodable> {
    let (head, _) = span.head::<8>(Undecodable::BadLinkHeader)?;
    let [version, _, low, high, link @ ..] = *head;
    let length = usize::from(u16::from_le_bytes([low, high]));
    if version != 0 || length < 8 {
        return Err(Undecodable::BadLinkHeader);
    }
    let link = u16::try_from(u32::from_le_bytes(link)).map_err(|_| Undecodable::UnknownLinkType)?;
    Ok(Step::Link(
        LinkType(link),
        span.skip(length, Undecodable::BadLinkHeader)?,
    ))
}

#[cfg(test)]
mod tests;
