//! What IP carries: transports with ports, control messages, and the tunnels that are protocols of their own.
//!
//! Where a transport header contradicts itself (a TCP header length below 20, say) its ports still name the flow, and
//! nothing behind them is read. A packet too short for its transport's header is undecodable.

use super::span::Span;
use super::walk::{Step, Walk};
use super::{TcpHeader, TunnelKind, Undecodable};

const BAD: Undecodable = Undecodable::BadTransportHeader;

impl<'a> Walk<'a> {
    #[inline]
    pub(super) fn transport(
        &mut self,
        protocol: u8,
        span: Span<'a>,
    ) -> Result<Step<'a>, Undecodable> {
        match protocol {
            6 => self.tcp(span),
            17 => self.udp(span),
            1 | 58 => self.icmp(span),
            132 => self.ports(12, span),
            136 => self.ports(8, span),
            33 => self.dccp(span),
            47 => self.gre(span),
            4 | 41 => {
                self.through(TunnelKind::Ip, 0, None, None);
                let ether_type = if protocol == 4 { 0x0800 } else { 0x86dd };
                Ok(Step::EtherType(ether_type, span))
            }
            137 => {
                self.through(TunnelKind::Ip, 0, None, None);
                Ok(Step::EtherType(0x8847, span))
            }
            _ => Ok(self.carries(span)),
        }
    }

    #[inline(always)]
    fn tcp(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let Some(head) = span.octets.first_chunk::<20>() else {
            return self.short(20, span);
        };
        let [
            a,
            b,
            c,
            d,
            s0,
            s1,
            s2,
            s3,
            a0,
            a1,
            a2,
            a3,
            offset,
            flags,
            w0,
            w1,
            ..,
        ] = *head;
        let octets = usize::from(offset >> 4) * 4;
        self.source_port = u16::from_be_bytes([a, b]);
        self.destination_port = u16::from_be_bytes([c, d]);
        if octets < 20 || (octets > span.wire && !self.is_part()) {
            return Ok(self.carries(span.past(span.wire)));
        }
        self.tcp = Some(TcpHeader {
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
            acknowledgement: u32::from_be_bytes([a0, a1, a2, a3]),
            flags,
            window: u16::from_be_bytes([w0, w1]),
        });
        // Options that were not captured hide nothing that a flow needs.
        Ok(self.carries(span.past(octets)))
    }

    #[inline(always)]
    fn udp(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let Some(head) = span.octets.first_chunk::<8>() else {
            return self.short(8, span);
        };
        let [a, b, c, d, high, low, _, _] = *head;
        self.source_port = u16::from_be_bytes([a, b]);
        self.destination_port = u16::from_be_bytes([c, d]);
        let payload = span.past(8);
        let payload = match u16::from_be_bytes([high, low]) {
            // Jumbograms (RFC 2675) and segmentation offload.
            0 => payload,
            octets => payload.limit(usize::from(octets).saturating_sub(8)),
        };
        match self.destination_port {
            4791 => Ok(self.roce_v2(payload, span)),
            _ if payload.octets.len() < 8 => Ok(self.carries(payload)),
            4789 | 4790 | 8472 | 6081 | 2152 | 5247 => Ok(self.udp_tunnel(payload)),
            _ if matches!(self.source_port, 2152 | 5247) => Ok(self.udp_tunnel(payload)),
            _ => Ok(self.carries(payload)),
        }
    }

    fn icmp(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let Some(head) = span.octets.first_chunk::<4>() else {
            return self.short(4, span);
        };
        let [kind, code, _, _] = *head;
        self.source_port = u16::from_be_bytes([kind, code]);
        Ok(self.carries(span.past(4)))
    }

    /// A transport whose header has `octets` octets and begins with the ports.
    fn ports(&mut self, octets: usize, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let (Some(source), Some(destination)) = (span.be16(0), span.be16(2)) else {
            return self.short(octets, span);
        };
        if octets > span.wire && !self.is_part() {
            return Err(BAD);
        }
        self.source_port = source;
        self.destination_port = destination;
        Ok(self.carries(span.past(octets)))
    }

    /// RFC 4340: the header's length is in units of four octets.
    fn dccp(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        match span.octet(4) {
            Some(offset @ 3..) => self.ports(usize::from(offset) * 4, span),
            _ => self.ports(12, span),
        }
    }

    /// A header that is not there in full. A first fragment may be as short as eight octets (RFC 1858): it has no ports
    /// before it is put together with the rest.
    #[cold]
    fn short(&mut self, octets: usize, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        if self.is_part() {
            return Ok(self.carries(span.past(span.wire)));
        }
        Err(if span.wire < octets {
            BAD
        } else {
            Undecodable::Truncated
        })
    }
}

#[cfg(test)]
mod tests;
