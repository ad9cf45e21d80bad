//! RDMA on the wire: packets of RoCE and InfiniBand to connections between queue pairs.
//!
//! A record is a connection of both ways, whose source is who asked first: who sent the first SEND, WRITE, READ or ATOMIC
//! that was seen, or with connection management who sent the ConnectRequest. Of unreliable datagrams it is one way between
//! two queue pairs. Payload is what stands between the headers and the invariant CRC, without padding; a message is a
//! SEND, a WRITE or the answer to a READ or ATOMIC. Lengths come from headers, so that packets may be cut off behind the
//! transport headers; `joining` says how ways are joined, `stream` what is lost, unseen and repeated.
//!
//! VLAN and mirror tunnel are those of a record's first packet: they do not tell connections apart, since both ways may
//! be mirrored at different ports. VXLAN and Geneve networks do. A packet that is mirrored twice counts as a duplicate.

mod assembly;
mod connection;
mod connections;
mod exchanges;
pub mod extended;
mod gaps;
pub mod headers;
pub mod icrc;
mod joining;
mod key;
mod limits;
pub mod management;
mod managing;
mod messages;
mod opcodes;
mod pairing;
mod piece;
mod psn;
mod reads;
mod report;
mod slots;
mod stream;
#[cfg(test)]
mod testing;
mod way;

pub use connections::Connections;
pub use limits::ConnectionLimits;
pub use opcodes::{Kind, Position};
