//! What one end of a connection sends.

use crate::flows::record;
use crate::packets::{Fragment, Packet, Rdma};

use super::extended::Syndrome;
use super::headers::{CNP, Headers, Kind, service};
use super::icrc;
use super::key::Key;
use super::messages::{fitting_mtu, packets};
use super::piece::Tally;
use super::psn::{add, ahead, distance};
use super::reads::Reads;
use super::stream::Stream;

const CONGESTION_EXPERIENCED: u8 = 3;

/// What was counted since the last record.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Packets.
    pub packets: u64,
    octets: u64,
    payload_octets: u64,
    first_ns: u64,
    last_ns: u64,
    ecn_capable: u64,
    ecn_marked: u64,
    fragments: u64,
    dscp: u8,
    /// By the lower five bits.
    opcodes: [u64; 32],
    naks: Vec<(u8, u64)>,
    rnr_naks: u64,
    cnps: u64,
    icrc_checked: u64,
    icrc_wrong: u64,
    /// What its sequence numbers say.
    pub tally: Tally,
}

/// One way.
#[derive(Clone, Debug)]
pub struct Way {
    /// Where its packets go.
    pub key: Key,
    /// UDP source port of the latest packet.
    pub source_port: u16,
    /// Whether a request was seen.
    pub asks: bool,
    /// How often it could have been joined with more than one other.
    pub doubts: u8,
    /// How often it was tried to find the other way.
    pub tries: u32,
    /// The number of the last request that wants to be acknowledged.
    pub asking: u32,
    /// What it asks.
    pub requests: Stream,
    /// What it asked that takes an answer.
    pub reads: Reads,
    /// A READ request, and its length, after which it is not known how many numbers it took.
    pub unsure_read: Option<(u32, u32)>,
    /// Its answers to the other end's.
    pub answers: Stream,
    /// Where it stands among those that wait to be joined.
    pub waiting: Option<usize>,
    /// What was counted.
    pub counts: Counts,
}

impl Way {
    /// One of which nothing was seen.
    pub fn new(key: Key) -> Self {
        Self {
            key,
            source_port: 0,
            asks: false,
            doubts: 0,
            tries: 0,
            asking: 0,
            requests: Stream::of(key.service == service::UC),
            reads: Reads::default(),
            unsure_read: None,
            answers: Stream::default(),
            waiting: None,
            counts: Counts::default(),
        }
    }

    /// The request `psn` came: when a READ stood before it of which it was not known how many numbers it takes, that is
    /// known now. The payload of a full packet, if the READ tells it.
    #[inline]
    pub fn settle_read(&mut self, psn: u32, mtu: u32) -> Option<u32> {
        let (first, length) = self.unsure_read?;
        if ahead(self.requests.next(), psn) == 0 && distance(first, psn) <= 0 {
            return None;
        }
        self.unsure_read = None;
        let found = if mtu == 0 {
            fitting_mtu(first, length, psn)
        } else {
            None
        };
        match (found, mtu) {
            (None, 0) => {}
            (None, mtu) | (Some(mtu), _) => self.requests.skip_to(add(first, packets(length, mtu))),
        }
        found
    }

    /// Counts a packet, whatever its sequence number is.
    #[inline]
    pub fn count(&mut self, packet: &Packet<'_>, rdma: &Rdma<'_>, headers: &Headers, check: bool) {
        let counts = &mut self.counts;
        if counts.packets == 0 {
            counts.first_ns = packet.time_ns;
            counts.dscp = packet.network.dscp;
        }
        counts.last_ns = counts.last_ns.max(packet.time_ns);
        counts.packets += 1;
        counts.octets += u64::from(packet.wire_octets);
        counts.payload_octets += u64::from(headers.payload);
        let ecn = packet.network.ecn;
        counts.ecn_capable += u64::from(ecn != 0);
        counts.ecn_marked += u64::from(ecn == CONGESTION_EXPERIENCED || headers.fecn);
        counts.fragments += u64::from(packet.network.fragment != Fragment::Whole);
        self.source_port = packet.source_port;
        if headers.kind == Kind::Cnp {
            counts.cnps += 1;
        } else if let Some(count) = counts.opcodes.get_mut(usize::from(headers.opcode & 0x1f)) {
            *count += 1;
        }
        match headers.aeth.map(|aeth| aeth.syndrome) {
            Some(Syndrome::ReceiverNotReady) => counts.rnr_naks += 1,
            Some(Syndrome::Negative(code)) => counts.nak(code),
            _ => {}
        }
        if check && let Some(right) = icrc::right(rdma) {
            counts.icrc_checked += 1;
            counts.icrc_wrong += u64::from(!right);
        }
    }

    /// Whether it asks nothing, so that the other end is the one that does.
    pub fn answers_only(&self) -> bool {
        !self.asks && self.key.service != service::UD
    }

    /// Whether nothing but congestion notifications was seen.
    pub fn only_notifies(&self) -> bool {
        self.counts.packets == self.counts.cnps
    }

    /// What it comes to, as any flow's way.
    pub fn plain(&self) -> record::Way {
        let counts = &self.counts;
        record::Way {
            packets: counts.packets,
            octets: counts.octets,
            payload_octets: counts.payload_octets,
            first_ns: counts.first_ns,
            last_ns: counts.last_ns,
            ecn_capable: counts.ecn_capable,
            ecn_marked: counts.ecn_marked,
            fragments: counts.fragments,
            dscp: counts.dscp,
            tcp_flags: 0,
        }
    }

    /// What it comes to, as RDMA.
    pub fn rdma(&self) -> record::RdmaWay {
        let counts = &self.counts;
        let tally = &counts.tally;
        record::RdmaWay {
            opcodes: self.opcodes(),
            messages: tally.sizes.count,
            message_octets: tally.sizes.octets,
            message_min: tally.sizes.min,
            message_max: tally.sizes.max,
            message_sizes: tally.sizes.histogram(),
            lost: tally.lost,
            unseen: tally.unseen,
            duplicates: tally.duplicates,
            repeated_octets: tally.repeated_octets,
            fresh_octets: tally.fresh_octets,
            naks: counts.naks.clone(),
            rnr_naks: counts.rnr_naks,
            cnps: counts.cnps,
            icrc_checked: counts.icrc_checked,
            icrc_wrong: counts.icrc_wrong,
        }
    }

    fn opcodes(&self) -> Vec<(u8, u64)> {
        let service = self.key.service;
        let mut opcodes: Vec<(u8, u64)> = (0u8..)
            .zip(self.counts.opcodes)
            .filter(|&(_, count)| count > 0)
            .map(|(operation, count)| (service << 5 | operation, count))
            .collect();
        if self.counts.cnps > 0 {
            let at = opcodes.partition_point(|&(opcode, _)| opcode < CNP);
            opcodes.insert(at, (CNP, self.counts.cnps));
        }
        opcodes
    }
}

impl Counts {
    /// Negative acknowledgements are rare and of few kinds.
    fn nak(&mut self, code: u8) {
        match self.naks.binary_search_by_key(&code, |&(known, _)| known) {
            Ok(at) => {
                if let Some((_, count)) = self.naks.get_mut(at) {
                    *count += 1;
                }
            }
            Err(at) => self.naks.insert(at, (code, 1)),
        }
    }
}
