//! InfiniBand transport packets: in UDP (RoCE v2), in Ethernet (RoCE v1) and on InfiniBand itself.
//! Terms are those of the InfiniBand architecture specification, volume 1 (chapters 7 to 9, annexes A16 and A17).

use super::link::padded;
use super::span::Span;
use super::walk::{Step, Walk};
use super::{Family, Network, Rdma, RdmaLink, Undecodable};

const BAD_LINK: Undecodable = Undecodable::BadLinkHeader;
const BAD: Undecodable = Undecodable::BadTransportHeader;
/// The base transport header, and the invariant CRC after the payload.
const TRANSPORT_HEADER: usize = 12;
const INVARIANT_CRC: usize = 4;
const UDP_HEADER: usize = 8;
const LOCAL_HEADER: usize = 8;
const GLOBAL_HEADER: usize = 40;
/// Next header of a global route header: a base transport header.
const TRANSPORT: u8 = 0x1b;

impl<'a> Walk<'a> {
    /// UDP port 4791. Payload that cannot begin with a base transport header is no RDMA. `datagram`: from UDP's header to
    /// where the IP packet ends.
    pub(super) fn roce_v2(&mut self, payload: Span<'a>, datagram: Span<'a>) -> Step<'a> {
        if plausible(payload) && !self.is_part() {
            let headers = self.ip.len().saturating_sub(datagram.octets.len()) + UDP_HEADER;
            self.rdma = Some(Rdma {
                link: RdmaLink::Rocev2,
                transport: payload.octets,
                wire_octets: u32::try_from(payload.wire).unwrap_or(u32::MAX),
                covered: self.ip.get(..headers).unwrap_or_default(),
            });
        }
        self.carries(payload)
    }

    /// EtherType 0x8915: a global route header.
    pub(super) fn roce_v1(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let (next, rest) = self.global(span, 0x8915)?;
        if next != TRANSPORT {
            return Ok(self.carries(rest));
        }
        self.base(RdmaLink::Rocev1, rest, span.octets, GLOBAL_HEADER)
    }

    /// A frame of InfiniBand, from the local route header on. The variant CRC at its end is not looked at.
    pub(super) fn infiniband(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let (head, _) = span.head::<LOCAL_HEADER>(BAD_LINK)?;
        let [_, levels, d0, d1, high, low, s0, s1] = *head;
        // In words of four octets, from this header to the end of the invariant CRC.
        let octets = usize::from(u16::from_be_bytes([high & 7, low])) * 4;
        if octets < LOCAL_HEADER {
            return Err(BAD_LINK);
        }
        let packet = span.told(octets);
        self.network = Network {
            family: Family::Lid,
            source: padded(&[s0, s1]),
            destination: padded(&[d0, d1]),
            ..self.network
        };
        let rest = packet.skip(LOCAL_HEADER, BAD_LINK)?;
        match levels & 3 {
            2 => self.base(RdmaLink::Infiniband, rest, packet.octets, LOCAL_HEADER),
            3 => {
                let (next, after) = self.global(rest, 0)?;
                match next {
                    TRANSPORT => self.base(
                        RdmaLink::Infiniband,
                        after,
                        packet.octets,
                        LOCAL_HEADER + GLOBAL_HEADER,
                    ),
                    _ => Ok(self.carries(after)),
                }
            }
            1 => Ok(Step::Ip(rest)),
            // A raw header: two octets and an EtherType.
            _ => {
                let (raw, after) = rest.head::<4>(BAD_LINK)?;
                let [_, _, high, low] = *raw;
                Ok(Step::EtherType(u16::from_be_bytes([high, low]), after))
            }
        }
    }

    /// The global route header, which is laid out as IPv6's. Returns what follows it.
    fn global(&mut self, span: Span<'a>, ether_type: u16) -> Result<(u8, Span<'a>), Undecodable> {
        const BAD: Undecodable = Undecodable::BadNetworkHeader;
        let (head, rest) = span.head::<GLOBAL_HEADER>(BAD)?;
        let (first, identifiers) = head.split_first_chunk::<8>().ok_or(BAD)?;
        let (source, destination) = identifiers.split_first_chunk::<16>().ok_or(BAD)?;
        let [version, class, _, _, high, low, next, hops] = *first;
        if version >> 4 != 6 {
            return Err(BAD);
        }
        let class = version << 4 | class >> 4;
        self.network = Network {
            family: Family::V6,
            source: *source,
            destination: *destination.first_chunk().ok_or(BAD)?,
            protocol: 0,
            ether_type,
            hops,
            dscp: class >> 2,
            ecn: class & 3,
            fragment: self.network.fragment,
        };
        // From behind this header to the end of the invariant CRC.
        let octets = usize::from(u16::from_be_bytes([high, low]));
        Ok((next, rest.told(octets)))
    }

    /// A base transport header after `headers` octets of `packet`.
    fn base(
        &mut self,
        link: RdmaLink,
        transport: Span<'a>,
        packet: &'a [u8],
        headers: usize,
    ) -> Result<Step<'a>, Undecodable> {
        if transport.wire < TRANSPORT_HEADER + INVARIANT_CRC {
            return Err(BAD);
        }
        if transport.octets.len() < TRANSPORT_HEADER {
            return Err(Undecodable::Truncated);
        }
        self.rdma = Some(Rdma {
            link,
            transport: transport.octets,
            wire_octets: u32::try_from(transport.wire).unwrap_or(u32::MAX),
            covered: packet.get(..headers).unwrap_or_default(),
        });
        Ok(self.carries(transport))
    }
}

/// Whether a base transport header may stand here: its version is 0, its opcode is one of the services RC, UC, RD, UD
/// and XRC or the congestion notification, and there is room for the invariant CRC.
fn plausible(payload: Span<'_>) -> bool {
    let [opcode, bits, ..] = payload.octets else {
        return false;
    };
    let operation = opcode & 0x1f;
    let known = match opcode >> 5 {
        0 | 2 | 5 => operation <= 0x17 || matches!(operation, 0x1c | 0x1d),
        1 => operation <= 0x0b,
        3 => matches!(operation, 4 | 5),
        4 => operation == 1,
        _ => false,
    };
    known
        && bits & 0x0f == 0
        && payload.octets.len() >= TRANSPORT_HEADER
        && payload.wire >= TRANSPORT_HEADER + INVARIANT_CRC
}

#[cfg(test)]
mod tests;
