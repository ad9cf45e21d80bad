//! The interfaces that a capture was made on.

use super::octets::Order;
use crate::packets::LinkType;

/// Octets of a name that are kept.
const MAX_NAME: usize = 64;
/// Options of a block that are looked at.
const MAX_OPTIONS: usize = 256;

/// What a capture says of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name; empty when the capture has none.
    pub name: String,
    /// How its frames begin.
    pub link: LinkType,
    /// Octets of each packet that were captured at most; 0 for no limit.
    pub snap: u32,
    /// Packets that the capture says were lost; None when it says nothing.
    pub dropped: Option<u64>,
    pub(super) lost: u64,
    resolution: u8,
    offset_s: i64,
    pub(super) check_octets: u32,
}

impl Interface {
    /// One that a classic capture describes.
    pub(super) fn plain(link: LinkType, snap: u32) -> Self {
        Self {
            name: String::new(),
            link,
            snap,
            dropped: None,
            lost: 0,
            resolution: 6,
            offset_s: 0,
            check_octets: 0,
        }
    }

    /// Packets lost before one. 0 says nothing, so that a capture without such numbers stays without.
    pub(super) fn lose(&mut self, count: u64) {
        if count > 0 {
            self.lost = self.lost.saturating_add(count);
            self.dropped = Some(self.dropped.unwrap_or(0).max(self.lost));
        }
    }

    /// Nanoseconds since 1970 of a time stamp.
    pub(super) fn time(&self, stamp: u64) -> u64 {
        let (stamp, exponent) = (u128::from(stamp), u32::from(self.resolution & 0x7f));
        let ns = match (self.resolution & 0x80 != 0, exponent) {
            (true, exponent) => (stamp * 1_000_000_000) >> exponent,
            (false, 0..=9) => stamp * 10u128.pow(9 - exponent),
            (false, exponent) => 10u128
                .checked_pow(exponent - 9)
                .map_or(0, |divisor| stamp / divisor),
        };
        let ns = ns as i128 + i128::from(self.offset_s) * 1_000_000_000;
        u64::try_from(ns.max(0)).unwrap_or(u64::MAX)
    }
}

/// What an interface description block of pcapng says.
pub(super) fn described(order: Order, body: &[u8], link: u16, snap: u32) -> Interface {
    let mut interface = Interface::plain(LinkType(link), snap);
    for (code, value) in options(order, body, 8) {
        match (code, value.first()) {
            (2, _) => {
                let name = value.get(..MAX_NAME).unwrap_or(value);
                interface.name = String::from_utf8_lossy(name).into_owned();
            }
            (9, Some(&resolution)) => interface.resolution = resolution,
            // In bits by the draft's text, in octets by its example: 4 and 32 are both found.
            (13, Some(&length)) if length < 16 => interface.check_octets = u32::from(length),
            (13, Some(&length)) => interface.check_octets = u32::from(length / 8),
            (14, _) => interface.offset_s = order.u64(value, 0).unwrap_or(0) as i64,
            _ => {}
        }
    }
    interface
}

/// Code and value of each option from `at` on, up to the first that does not fit.
pub(super) fn options(order: Order, body: &[u8], at: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = body.get(at..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (code, length) = (order.u16(rest, 0)?, usize::from(order.u16(rest, 2)?));
        let value = rest.get(4..)?.get(..length)?;
        rest = rest
            .get(4 + length.next_multiple_of(4)..)
            .unwrap_or_default();
        (code != 0).then_some((code, value))
    })
    .take(MAX_OPTIONS)
}
