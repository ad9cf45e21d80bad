//! CAPWAP data (RFC 5415): wireless frames from an access point to its controller, as far as they are data.

use super::TunnelKind;
use super::Undecodable::BadTunnelHeader as BAD;
use super::span::Span;
use super::tunnel::Inner;
use super::walk::Step;

const NATIVE: u8 = 1;
const FRAGMENT: u8 = 0x80;
/// The kind of radio, five bits before the flag of a native frame.
const WIRELESS: u8 = 1;
/// Frame control of IEEE 802.11: data, and data with a quality of service field; flags of the second octet.
const DATA: u8 = 0x08;
const QOS_DATA: u8 = 0x88;
const BOTH_WAYS: u8 = 0x03;
const PROTECTED: u8 = 0x40;

/// What a data packet has in it: an Ethernet frame, or the packet behind the logical link header of a wireless one.
pub(super) fn data(payload: Span<'_>) -> Inner<'_> {
    let (head, _) = payload.head::<8>(BAD).ok()?;
    let [preamble, length, bits, flags, ..] = *head;
    // The preamble's version, and that nothing is encrypted.
    if preamble != 0 || flags & FRAGMENT != 0 {
        return None;
    }
    let frame = payload.skip(usize::from(length >> 3) * 4, BAD).ok()?;
    let step = if bits & NATIVE == 0 {
        Step::Ethernet(frame)
    } else if bits >> 1 & 0x1f == WIRELESS {
        wireless(frame)?
    } else {
        return None;
    };
    Some((TunnelKind::Capwap, 0, step))
}

/// IEEE 802.11. Some access points send the two octets of frame control in the other order.
fn wireless(frame: Span<'_>) -> Option<Step<'_>> {
    let (first, second) = (frame.octet(0)?, frame.octet(1)?);
    let (kind, flags) = match (first, second) {
        (DATA | QOS_DATA, _) => (first, second),
        (_, DATA | QOS_DATA) => (second, first),
        _ => return None,
    };
    if flags & PROTECTED != 0 {
        return None;
    }
    let addresses = if flags & BOTH_WAYS == BOTH_WAYS {
        30
    } else {
        24
    };
    let service = if kind == QOS_DATA { 2 } else { 0 };
    Some(Step::Llc(frame.skip(addresses + service, BAD).ok()?))
}

#[cfg(test)]
mod tests;
