//! Tunnels: GRE and ERSPAN, and those that are known by a UDP port.

use super::link::{IPV4, IPV6};
use super::span::Span;
use super::walk::{Step, Walk};
use super::{TunnelKind, Undecodable};

const BAD: Undecodable = Undecodable::BadTunnelHeader;
const BRIDGED: u16 = 0x6558;

impl<'a> Walk<'a> {
    /// RFC 2784, 2890 (key, sequence), 1701 (routing), and version 1 of PPTP (RFC 2637). What nothing reads on stays a
    /// packet of protocol 47.
    pub(super) fn gre(&mut self, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let (head, mut rest) = span.head::<4>(BAD)?;
        let [flags, version, high, low] = *head;
        let protocol = u16::from_be_bytes([high, low]);
        if version & 7 > 1 {
            return Err(BAD);
        }
        let routed = flags & 0x40 != 0 && version & 7 == 0;
        if flags & 0x80 != 0 || routed {
            rest = rest.skip(4, BAD)?;
        }
        let key = optional(&mut rest, flags & 0x20 != 0)?;
        let sequence = optional(&mut rest, flags & 0x10 != 0)?;
        if version & 7 == 1 {
            optional(&mut rest, version & 0x80 != 0)?;
            return self.pptp(protocol, sequence, span, rest);
        }
        if routed {
            rest = self.source_routes(rest)?;
        }
        let id = key.unwrap_or(0);
        let step = match protocol {
            IPV4 | IPV6 | 0x8847 | 0x8848 => Step::EtherType(protocol, rest),
            BRIDGED => Step::Ethernet(rest),
            // The first kind of ERSPAN has no header, and so no need of a sequence.
            0x88be if sequence.is_none() => {
                self.through(TunnelKind::Erspan1, 0, None, None);
                return Ok(Step::Ethernet(rest));
            }
            0x88be => return self.erspan2(sequence, rest),
            0x22eb => return self.erspan3(sequence, rest),
            _ => return Ok(self.carries(rest)),
        };
        self.through(TunnelKind::Gre, id, None, sequence);
        Ok(step)
    }

    /// Source route entries, down to the empty one.
    fn source_routes(&mut self, mut span: Span<'a>) -> Result<Span<'a>, Undecodable> {
        loop {
            let (entry, rest) = span.head::<4>(BAD)?;
            self.deeper()?;
            let [family_high, family_low, _, octets] = *entry;
            span = rest.skip(usize::from(octets), BAD)?;
            if [family_high, family_low, octets] == [0, 0, 0] {
                return Ok(span);
            }
        }
    }

    /// PPP in GRE. Call identifiers differ each way, so that the tunnel has none.
    fn pptp(
        &mut self,
        protocol: u16,
        sequence: Option<u32>,
        all: Span<'a>,
        rest: Span<'a>,
    ) -> Result<Step<'a>, Undecodable> {
        if protocol != 0x880b {
            return Err(BAD);
        }
        // The key's upper half is the payload's length. An acknowledgement has none, and what is compressed or encrypted
        // nobody reads.
        let octets = usize::from(all.be16(4).unwrap_or(0));
        let rest = rest.limit(octets);
        let framed = match rest.octets {
            [0xff, 0x03, ..] => rest.past(2),
            _ => rest,
        };
        let ether_type = match framed.octets {
            [0x00, 0x21, ..] | [0x21, ..] => IPV4,
            [0x00, 0x57, ..] | [0x57, ..] => IPV6,
            _ => return Ok(self.carries(rest)),
        };
        let field = 2 - usize::from(framed.octet(0).unwrap_or(0) & 1);
        self.through(TunnelKind::Gre, 0, None, sequence);
        Ok(Step::EtherType(ether_type, framed.past(field)))
    }

    /// draft-foschiano-erspan: version 1, eight octets. Nothing in it tells the direction.
    fn erspan2(&mut self, sequence: Option<u32>, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let (head, rest) = span.head::<8>(BAD)?;
        let [a, b, c, d, ..] = *head;
        let (tag, session) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        if tag >> 12 != 1 {
            return Err(BAD);
        }
        self.through(
            TunnelKind::Erspan2,
            u32::from(session & 0x03ff),
            None,
            sequence,
        );
        // How the frame was tagged: 0 not at all, 3 it still has its tag.
        if matches!(session >> 11 & 3, 1 | 2) {
            self.tag(session & 0xe000 | tag & 0x0fff);
        }
        Ok(Step::Ethernet(rest))
    }

    /// Version 2: twelve octets, and eight more that depend on the platform.
    fn erspan3(&mut self, sequence: Option<u32>, span: Span<'a>) -> Result<Step<'a>, Undecodable> {
        let (head, rest) = span.head::<12>(BAD)?;
        let [a, b, c, d, .., e, f] = *head;
        let (tag, session) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let last = u16::from_be_bytes([e, f]);
        if tag >> 12 != 2 {
            return Err(BAD);
        }
        let rest = rest.skip(8 * usize::from(last & 1), BAD)?;
        let egress = last & 8 != 0;
        self.through(
            TunnelKind::Erspan3,
            u32::from(session & 0x03ff),
            Some(egress),
            sequence,
        );
        self.tag(session & 0xe000 | tag & 0x0fff);
        match last >> 10 & 0x1f {
            0 => Ok(Step::Ethernet(rest)),
            2 => Ok(Step::Ip(rest)),
            _ => Err(BAD),
        }
    }

    /// What the port makes a tunnel, when its header is one.
    pub(super) fn udp_tunnel(&mut self, payload: Span<'a>) -> Step<'a> {
        let inner = match (self.source_port, self.destination_port) {
            (_, 4789 | 8472) => vxlan(payload),
            (_, 4790) => vxlan_gpe(payload),
            (_, 6081) => geneve(payload),
            (2152, _) | (_, 2152) => gtp(payload),
            _ => super::capwap::data(payload),
        };
        match inner {
            Some((kind, id, step)) => {
                self.maybe_through(kind, id, payload);
                step
            }
            None => self.carries(payload),
        }
    }
}

pub(super) type Inner<'a> = Option<(TunnelKind, u32, Step<'a>)>;

fn optional(rest: &mut Span<'_>, there: bool) -> Result<Option<u32>, Undecodable> {
    if !there {
        return Ok(None);
    }
    let (field, after) = rest.head::<4>(BAD)?;
    *rest = after;
    Ok(Some(u32::from_be_bytes(*field)))
}

/// RFC 7348: the flag that there is a network identifier, and nothing in what is reserved but what a group policy or
/// remote checksum extension has there.
fn vxlan(payload: Span<'_>) -> Inner<'_> {
    let (head, rest) = payload.head::<8>(BAD).ok()?;
    let [flags, _, _, _, a, b, c, reserved] = *head;
    if flags & 0x7f != 0x08 || reserved != 0 {
        return None;
    }
    let network = u32::from_be_bytes([0, a, b, c]);
    Some((TunnelKind::Vxlan, network, Step::Ethernet(rest)))
}

/// draft-ietf-nvo3-vxlan-gpe: the same with a next protocol.
fn vxlan_gpe(payload: Span<'_>) -> Inner<'_> {
    let (head, rest) = payload.head::<8>(BAD).ok()?;
    let [flags, _, _, next, a, b, c, _] = *head;
    if flags & 0x3c != 0x0c {
        return None;
    }
    let step = match next {
        1 => Step::EtherType(IPV4, rest),
        2 => Step::EtherType(IPV6, rest),
        3 => Step::Ethernet(rest),
        _ => return None,
    };
    Some((TunnelKind::Vxlan, u32::from_be_bytes([0, a, b, c]), step))
}

/// RFC 8926.
fn geneve(payload: Span<'_>) -> Inner<'_> {
    let (head, rest) = payload.head::<8>(BAD).ok()?;
    let [version, _, high, low, a, b, c, _] = *head;
    if version >> 6 != 0 {
        return None;
    }
    let rest = rest.skip(usize::from(version & 0x3f) * 4, BAD).ok()?;
    let step = match u16::from_be_bytes([high, low]) {
        BRIDGED => Step::Ethernet(rest),
        protocol @ (IPV4 | IPV6 | 0x8847) => Step::EtherType(protocol, rest),
        _ => return None,
    };
    Some((TunnelKind::Geneve, u32::from_be_bytes([0, a, b, c]), step))
}

/// 3GPP TS 29.281: version 1, a user packet (message type 255), with its extension headers.
fn gtp(payload: Span<'_>) -> Inner<'_> {
    const MAX_EXTENSIONS: usize = 8;
    let (head, mut rest) = payload.head::<8>(BAD).ok()?;
    let [flags, kind, ..] = *head;
    if flags & 0xf0 != 0x30 || kind != 255 {
        return None;
    }
    if flags & 7 != 0 {
        let (options, after) = rest.head::<4>(BAD).ok()?;
        rest = after;
        let mut next = if flags & 4 == 0 { 0 } else { options[3] };
        for _ in 0..MAX_EXTENSIONS {
            if next == 0 {
                break;
            }
            let octets = usize::from(rest.octet(0)?) * 4;
            next = rest.octet(octets.checked_sub(1)?)?;
            rest = rest.skip(octets, BAD).ok()?;
        }
        if next != 0 {
            return None;
        }
    }
    Some((TunnelKind::Gtp, 0, Step::Ip(rest)))
}

#[cfg(test)]
mod tests;
