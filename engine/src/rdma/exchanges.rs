//! Exchanges of connection management that have begun: whose request was seen, and waits for its reply.

use std::collections::VecDeque;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::key::{Key, Pair};
use super::management::{Request, port};

/// More are not followed: the oldest is forgotten.
const MAX_EXCHANGES: usize = 4096;

/// What was seen of an exchange.
#[derive(Clone, Copy, Debug)]
pub enum Exchange {
    /// A request to connect, and whether its reply was seen.
    Connect(Request, bool),
    /// A request to disconnect this way.
    Disconnect(Key),
}

/// Exchanges by who asked whom, and the number of the exchange at who asked.
#[derive(Debug, Default)]
pub struct Exchanges {
    known: HashMap<(Pair, u32), Exchange, RandomState>,
    order: VecDeque<(Pair, u32)>,
}

impl Exchanges {
    /// One began.
    pub fn insert(&mut self, pair: Pair, communication: u32, exchange: Exchange) {
        if self.known.insert((pair, communication), exchange).is_none() {
            self.order.push_back((pair, communication));
            if self.order.len() > MAX_EXCHANGES
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
    }

    /// One that is known.
    pub fn get(&mut self, pair: Pair, communication: u32) -> Option<&mut Exchange> {
        self.known.get_mut(&(pair, communication))
    }
}

/// What connection management says of a connection beside its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    service_id: u64,
    addresses: Option<(u8, u16, [u8; 16], [u8; 16])>,
}

impl From<&Request> for Facts {
    fn from(request: &Request) -> Self {
        Self {
            service_id: request.service_id,
            addresses: request.addresses,
        }
    }
}

impl Facts {
    /// As a record has it: `service_id`, with RDMA-CM also `port`, and `source` and `destination`, who are ports of the
    /// network rather than GIDs there.
    pub fn fields(&self) -> Vec<(String, String)> {
        let mut fields = vec![(
            "service_id".to_owned(),
            format!("0x{:016x}", self.service_id),
        )];
        if let Some(port) = port(self.service_id) {
            fields.push(("port".to_owned(), port.to_string()));
        }
        if let Some((version, port, source, destination)) = &self.addresses {
            fields.push(("source_port".to_owned(), port.to_string()));
            fields.push(("source".to_owned(), text(*version, source)));
            fields.push(("destination".to_owned(), text(*version, destination)));
        }
        fields
    }
}

fn text(version: u8, address: &[u8; 16]) -> String {
    match (version, address.last_chunk::<4>()) {
        (4, Some(octets)) => std::net::Ipv4Addr::from(*octets).to_string(),
        _ => std::net::Ipv6Addr::from(*address).to_string(),
    }
}
