//! What stands in the extended transport headers.

use super::psn::MASK;

/// RDMA extended transport header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reth {
    /// Virtual address at the responder.
    pub address: u64,
    /// Remote key.
    pub key: u32,
    /// Octets of the whole message.
    pub length: u32,
}

/// What an acknowledgement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syndrome {
    /// All is well up to this packet.
    Positive,
    /// The receiver had no buffer; the packet is to be sent again after a while.
    ReceiverNotReady,
    /// The packet is refused: 0 PSN sequence error, 1 invalid request, 2 remote access, 3 remote operation,
    /// 4 invalid RD request.
    Negative(u8),
    /// Reserved.
    Reserved,
}

/// ACK extended transport header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aeth {
    /// What it says.
    pub syndrome: Syndrome,
    /// Message sequence number: messages that the responder completed.
    pub messages: u32,
}

/// `N` octets from `at` on, where they were captured.
pub fn number<const N: usize>(octets: &[u8], at: u32) -> Option<[u8; N]> {
    octets.get(at as usize..)?.first_chunk::<N>().copied()
}

/// A number in the lower 24 bits of the word at `at`.
pub fn number24(octets: &[u8], at: u32) -> Option<u32> {
    number::<4>(octets, at).map(|word| u32::from_be_bytes(word) & MASK)
}

impl From<[u8; 16]> for Reth {
    fn from(octets: [u8; 16]) -> Self {
        let [
            a0,
            a1,
            a2,
            a3,
            a4,
            a5,
            a6,
            a7,
            k0,
            k1,
            k2,
            k3,
            l0,
            l1,
            l2,
            l3,
        ] = octets;
        Self {
            address: u64::from_be_bytes([a0, a1, a2, a3, a4, a5, a6, a7]),
            key: u32::from_be_bytes([k0, k1, k2, k3]),
            length: u32::from_be_bytes([l0, l1, l2, l3]),
        }
    }
}

impl From<[u8; 4]> for Aeth {
    fn from([syndrome, m0, m1, m2]: [u8; 4]) -> Self {
        Self {
            syndrome: match syndrome >> 5 & 3 {
                0 => Syndrome::Positive,
                1 => Syndrome::ReceiverNotReady,
                3 => Syndrome::Negative(syndrome & 0x1f),
                _ => Syndrome::Reserved,
            },
            messages: u32::from_be_bytes([0, m0, m1, m2]),
        }
    }
}
