//! Endace's extensible record format: a record header, extension headers, and a frame of the kind that it names.

use super::span::Span;
use super::walk::{Step, Walk};
use super::{LinkType, Undecodable};
use crate::packets::link::{IPV4, IPV6};

const ETHERNET_CHECK: usize = 4;
const MAX_EXTENSIONS: usize = 16;

impl<'a> Walk<'a> {
    pub(super) fn erf(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        const BAD: Undecodable = Undecodable::BadLinkHeader;
        let (head, mut rest) = span.head::<16>(BAD)?;
        // Eight octets of time, type, flags, record length, loss or colour, wire length.
        let [.., kind, _, high, low, _, _, wire_high, wire_low] = *head;
        let record = usize::from(u16::from_be_bytes([high, low]));
        let wire = usize::from(u16::from_be_bytes([wire_high, wire_low]));
        rest = rest.limit(record.checked_sub(16).ok_or(BAD)?);
        let mut more = kind & 0x80 != 0;
        for _ in 0..MAX_EXTENSIONS {
            if !more {
                break;
            }
            let (extension, after) = rest.head::<8>(BAD)?;
            more = extension[0] & 0x80 != 0;
            rest = after;
        }
        if more {
            return Err(Undecodable::TooDeep);
        }
        let kind = kind & 0x7f;
        let ethernet = matches!(kind, 2 | 11 | 16 | 20);
        if ethernet {
            // An offset and a padding octet, which align what follows the Ethernet header.
            rest = rest.skip(2, BAD)?;
        }
        // The wire length has the frame check sequence; a record is padded to eight octets.
        let wire = if ethernet {
            wire.saturating_sub(ETHERNET_CHECK)
        } else {
            wire
        };
        if wire > 0 {
            rest = rest.told(wire);
            self.wire_octets = u32::try_from(wire).unwrap_or(u32::MAX);
        }
        match kind {
            2 | 11 | 16 | 20 => Ok(Step::Ethernet(rest)),
            1 | 10 | 15 | 17 => self.ppp_framed(rest),
            21 => Ok(Step::Link(LinkType::INFINIBAND, rest)),
            22 => Ok(Step::EtherType(IPV4, rest)),
            23 => Ok(Step::EtherType(IPV6, rest)),
            _ => Err(Undecodable::UnknownLinkType),
        }
    }
}

#[cfg(test)]
mod tests;
