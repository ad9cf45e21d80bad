//! From the octets of a frame to what flows are made of: `Decoder::decode` turns a `Frame` into a `Packet`, or says
//! why it cannot (`Undecodable`). `probes/engine/packets/` is the specification.

mod packet;

pub use packet::{
    Address, Family, Fragment, Frame, LinkType, Network, Packet, Rdma, RdmaLink, TcpHeader, Tunnel,
    TunnelKind, Undecodable,
};
