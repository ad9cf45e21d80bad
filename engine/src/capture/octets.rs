//! Numbers out of octets, in either byte order. What is not there reads as None.

/// A byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Big,
    Little,
}

#[cfg(target_endian = "little")]
pub(super) const NATIVE: Order = Order::Little;
#[cfg(target_endian = "big")]
pub(super) const NATIVE: Order = Order::Big;

impl Order {
    pub(super) fn u16(self, octets: &[u8], at: usize) -> Option<u16> {
        let octets = array(octets, at)?;
        Some(match self {
            Self::Big => u16::from_be_bytes(octets),
            Self::Little => u16::from_le_bytes(octets),
        })
    }

    pub(super) fn u32(self, octets: &[u8], at: usize) -> Option<u32> {
        let octets = array(octets, at)?;
        Some(match self {
            Self::Big => u32::from_be_bytes(octets),
            Self::Little => u32::from_le_bytes(octets),
        })
    }

    pub(super) fn u64(self, octets: &[u8], at: usize) -> Option<u64> {
        let octets = array(octets, at)?;
        Some(match self {
            Self::Big => u64::from_be_bytes(octets),
            Self::Little => u64::from_le_bytes(octets),
        })
    }
}

fn array<const N: usize>(octets: &[u8], at: usize) -> Option<[u8; N]> {
    octets
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .copied()
}
