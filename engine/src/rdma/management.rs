//! Connection management: the datagrams to queue pair 1 by which both ends tell each other their queue pairs
//! (InfiniBand specification, chapters 12 and 13.4; annex A11 for the addresses that RDMA-CM puts in).

use super::psn::MASK;

/// Management class of communication management.
const COMMUNICATION: u8 = 0x07;
/// A service identifier of RDMA-CM: this prefix, an IP protocol and a port.
const IP_SERVICE: u64 = 0x0000_0000_0100_0000;

/// What a ConnectRequest asks for. What was not captured is None.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Number of this exchange at its sender.
    pub communication: u32,
    /// The sender's queue pair.
    pub qp: u32,
    /// What is asked for: a well-known service, or with RDMA-CM a port.
    pub service_id: u64,
    /// Transport service, as in opcodes.
    pub service: u8,
    /// The sequence number of the sender's first request.
    pub psn: Option<u32>,
    /// Octets of payload in a full packet.
    pub mtu: Option<u32>,
    /// What RDMA-CM says of the sender: IP version, port, source and destination address (IPv4 in the last four).
    pub addresses: Option<(u8, u16, [u8; 16], [u8; 16])>,
}

/// One datagram of connection management.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Management {
    /// ConnectRequest.
    Request(Request),
    /// ConnectReply.
    Reply {
        /// The number that the request had.
        remote: u32,
        /// The sender's queue pair.
        qp: u32,
        /// The sequence number of the sender's first request.
        psn: Option<u32>,
    },
    /// ReadyToUse: the reply came.
    Ready,
    /// ConnectReject.
    Reject {
        /// The number that the request had.
        remote: u32,
    },
    /// DisconnectRequest.
    Disconnect {
        /// Number at its sender.
        communication: u32,
        /// The receiver's queue pair.
        qp: u32,
    },
    /// DisconnectReply.
    Disconnected {
        /// Number at the sender of the request.
        remote: u32,
    },
}

/// The port of a service identifier that RDMA-CM made.
pub fn port(service_id: u64) -> Option<u16> {
    (service_id & !0x00ff_ffff == IP_SERVICE).then_some((service_id & 0xffff) as u16)
}

fn word(octets: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*octets.get(at..)?.first_chunk::<4>()?))
}

fn upper24(octets: &[u8], at: usize) -> Option<u32> {
    Some(word(octets, at)? >> 8)
}

/// Reads a management datagram. None for what is not connection management, or ends before its numbers.
pub fn parse(datagram: &[u8]) -> Option<Management> {
    let (header, data) = datagram.split_first_chunk::<24>()?;
    if header[0] != 1 || header[1] != COMMUNICATION {
        return None;
    }
    let local = word(data, 0)?;
    let remote = word(data, 4);
    match u16::from_be_bytes([header[16], header[17]]) {
        0x0010 => request(data, local).map(Management::Request),
        0x0012 => Some(Management::Reject { remote: remote? }),
        0x0013 => Some(Management::Reply {
            remote: remote?,
            qp: upper24(data, 12)?,
            psn: upper24(data, 20),
        }),
        0x0014 => Some(Management::Ready),
        0x0015 => Some(Management::Disconnect {
            communication: local,
            qp: upper24(data, 8)?,
        }),
        0x0016 => Some(Management::Disconnected { remote: remote? }),
        _ => None,
    }
}

fn request(data: &[u8], communication: u32) -> Option<Request> {
    let service_id = u64::from(word(data, 8)?) << 32 | u64::from(word(data, 12)?);
    Some(Request {
        communication,
        qp: upper24(data, 32)? & MASK,
        service_id,
        service: match word(data, 40).map_or(0, |bits| bits >> 1 & 3) {
            1 => super::headers::service::UC,
            2 => super::headers::service::RD,
            3 => super::headers::service::XRC,
            _ => super::headers::service::RC,
        },
        psn: upper24(data, 44),
        mtu: match data.get(50).map(|bits| bits >> 4) {
            Some(code @ 1..=5) => Some(128 << code),
            _ => None,
        },
        addresses: port(service_id).and_then(|_| addresses(data.get(140..)?)),
    })
}

/// Private data of RDMA-CM: its version, the IP version in the upper half of an octet, a port, both addresses.
fn addresses(private: &[u8]) -> Option<(u8, u16, [u8; 16], [u8; 16])> {
    let (&[_, version, p0, p1], rest) = private.split_first_chunk::<4>()?;
    let (source, rest) = rest.split_first_chunk::<16>()?;
    let destination = rest.first_chunk::<16>()?;
    let version = version >> 4;
    matches!(version, 4 | 6).then_some((
        version,
        u16::from_be_bytes([p0, p1]),
        *source,
        *destination,
    ))
}

#[cfg(test)]
mod tests;
