//! What carries a payload.

use super::inspection::FlowFacts;

/// What a payload is carried by: the rules that can be asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Carrier {
    Tcp,
    Udp,
    Sctp,
    Dccp,
    Rdma,
    Ip(u8),
    Ether(u16),
}

impl Carrier {
    pub fn of(facts: &FlowFacts) -> Self {
        match (facts.rdma, facts.protocol) {
            (Some(_), _) => Self::Rdma,
            (None, 6) => Self::Tcp,
            (None, 17) => Self::Udp,
            (None, 33) => Self::Dccp,
            (None, 132) => Self::Sctp,
            (None, 0) => Self::Ether(facts.ether_type),
            (None, other) => Self::Ip(other),
        }
    }

    /// As the normal form writes it.
    pub fn named(text: &str) -> Option<Self> {
        Some(match text {
            "tcp" => Self::Tcp,
            "udp" => Self::Udp,
            "sctp" => Self::Sctp,
            "dccp" => Self::Dccp,
            "rdma" => Self::Rdma,
            other => match other.split_once('/')? {
                ("ip", number) => Self::Ip(number.parse().ok()?),
                ("ether", number) => Self::Ether(number.parse().ok()?),
                _ => return None,
            },
        })
    }
}
