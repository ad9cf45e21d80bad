//! Packets for tests: two hosts, A and B, of which each sends to a queue pair of the other.

use crate::flows::record::{FlowRecord, Rdma as RdmaRecord, RdmaWay};
use crate::packets::{Family, Fragment, Network, Packet, Rdma, RdmaLink};

use super::{ConnectionLimits, Connections};

/// Host A asks, host B answers.
pub const A: u8 = 1;
pub const B: u8 = 2;
/// Their queue pairs.
pub const QP_A: u32 = 0xa1;
pub const QP_B: u32 = 0xb2;

pub const SEND_FIRST: u8 = 0x00;
pub const SEND_MIDDLE: u8 = 0x01;
pub const SEND_LAST: u8 = 0x02;
pub const SEND_ONLY: u8 = 0x04;
pub const WRITE_FIRST: u8 = 0x06;
pub const WRITE_MIDDLE: u8 = 0x07;
pub const WRITE_LAST: u8 = 0x08;
pub const WRITE_ONLY: u8 = 0x0a;
pub const READ: u8 = 0x0c;
pub const ANSWER_FIRST: u8 = 0x0d;
pub const ANSWER_MIDDLE: u8 = 0x0e;
pub const ANSWER_LAST: u8 = 0x0f;
pub const ANSWER_ONLY: u8 = 0x10;
pub const ACK: u8 = 0x11;

/// One packet to be.
#[derive(Clone, Debug)]
pub struct Sent {
    pub from: u8,
    pub to: u8,
    pub opcode: u8,
    pub qp: u32,
    pub psn: u32,
    /// What follows the base transport header.
    pub extended: Vec<u8>,
    pub payload: u32,
    pub port: u16,
    pub ecn: u8,
    pub acknowledge: bool,
    /// ns after the packet before it.
    pub after_ns: u64,
}

impl Sent {
    pub fn new(from: u8, to: u8, qp: u32, opcode: u8, psn: u32) -> Self {
        Self {
            from,
            to,
            opcode,
            qp,
            psn: psn & 0xff_ffff,
            extended: Vec::new(),
            payload: 0,
            port: 50_000,
            ecn: 2,
            acknowledge: false,
            after_ns: 1_000,
        }
    }

    pub fn length(mut self, length: u32) -> Self {
        self.extended.extend([0; 12]);
        self.extended.extend(length.to_be_bytes());
        self
    }

    pub fn payload(mut self, payload: u32) -> Self {
        self.payload = payload;
        self
    }

    pub fn after(mut self, ns: u64) -> Self {
        self.after_ns = ns;
        self
    }

    pub fn asks(mut self) -> Self {
        self.acknowledge = true;
        self
    }
}

/// A packet that A sends to B.
pub fn ask(opcode: u8, psn: u32, payload: u32) -> Sent {
    Sent::new(A, B, QP_B, opcode, psn).payload(payload)
}

/// A READ request.
pub fn read(psn: u32, length: u32) -> Sent {
    ask(READ, psn, 0).length(length)
}

/// A packet of the answer to it.
pub fn answer(opcode: u8, psn: u32, payload: u32) -> Sent {
    let mut sent = Sent::new(B, A, QP_A, opcode, psn).payload(payload);
    if opcode != ANSWER_MIDDLE {
        sent.extended = vec![0; 4];
    }
    sent
}

/// B acknowledges with a syndrome.
pub fn acknowledge(syndrome: u8, psn: u32) -> Sent {
    let mut sent = Sent::new(B, A, QP_A, ACK, psn);
    sent.extended = vec![syndrome, 0, 0, 0];
    sent
}

pub fn ack(psn: u32) -> Sent {
    acknowledge(0, psn)
}

pub fn nak(psn: u32) -> Sent {
    acknowledge(0x60, psn)
}

pub fn rnr_nak(psn: u32) -> Sent {
    acknowledge(0x21, psn)
}

pub fn cnp(from: u8, to: u8, qp: u32) -> Sent {
    let mut sent = Sent::new(from, to, qp, 0x81, 0);
    sent.extended = vec![0; 16];
    sent
}

/// A management datagram.
pub fn management(from: u8, to: u8, attribute: u16, data: &[u8]) -> Sent {
    let mut sent = Sent::new(from, to, 1, 0x64, 0);
    sent.extended = vec![0x80, 1, 0, 0, 0, 0, 0, 1];
    let mut header = [0; 24];
    header[..4].copy_from_slice(&[1, 7, 2, 3]);
    header[16..18].copy_from_slice(&attribute.to_be_bytes());
    sent.extended.extend(header);
    let mut body = data.to_vec();
    body.resize(232, 0);
    sent.extended.extend(body);
    sent
}

/// A table, and the time of its last packet.
pub struct Wire {
    pub connections: Connections,
    pub now_ns: u64,
}

impl Wire {
    pub fn new() -> Self {
        Self::with(ConnectionLimits::default())
    }

    pub fn with(limits: ConnectionLimits) -> Self {
        Self {
            connections: Connections::new(limits),
            now_ns: 1_000_000_000_000,
        }
    }

    /// A packet of which only the headers are captured.
    pub fn send(&mut self, sent: &Sent) {
        self.now_ns += sent.after_ns;
        let word = |number: u32, upper: u8| (number | u32::from(upper) << 24).to_be_bytes();
        let mut transport = vec![sent.opcode, 0x40, 0xff, 0xff];
        transport.extend(word(sent.qp, 0));
        transport.extend(word(sent.psn, if sent.acknowledge { 0x80 } else { 0 }));
        transport.extend(&sent.extended);
        let wire_octets = transport.len() as u32 + sent.payload + 4;
        let address = |host: u8| {
            let mut address = [0; 16];
            address[..4].copy_from_slice(&[10, 0, 0, host]);
            address
        };
        self.connections.observe(&Packet {
            time_ns: self.now_ns,
            wire_octets: wire_octets + 42,
            vlan: 0,
            priority: 0,
            tunnel: None,
            mirror: None,
            network: Network {
                family: Family::V4,
                source: address(sent.from),
                destination: address(sent.to),
                protocol: 17,
                ether_type: 0x0800,
                hops: 64,
                dscp: 26,
                ecn: sent.ecn,
                fragment: Fragment::Whole,
            },
            source_port: sent.port,
            destination_port: 4791,
            tcp: None,
            rdma: Some(Rdma {
                link: RdmaLink::Rocev2,
                transport: &transport,
                wire_octets,
                covered: &[],
            }),
            payload: &[],
            payload_octets: 0,
        });
    }

    pub fn run(&mut self, sent: impl IntoIterator<Item = Sent>) {
        for sent in sent {
            self.send(&sent);
        }
    }

    /// All records, with what was left.
    pub fn finish(&mut self) -> Vec<FlowRecord> {
        self.connections.finish();
        self.connections.take()
    }
}

/// The one record of these packets.
pub fn only(sent: impl IntoIterator<Item = Sent>) -> FlowRecord {
    let mut wire = Wire::new();
    wire.run(sent);
    let mut records = wire.finish();
    assert_eq!(records.len(), 1, "{records:#?}");
    records.pop().unwrap()
}

pub fn rdma(record: &FlowRecord) -> &RdmaRecord {
    record.rdma.as_ref().unwrap()
}

/// The way of A's requests in the one record of these packets.
pub fn forward(sent: impl IntoIterator<Item = Sent>) -> RdmaWay {
    rdma(&only(sent)).forward.clone()
}

/// The way of B's answers.
pub fn reverse(sent: impl IntoIterator<Item = Sent>) -> RdmaWay {
    rdma(&only(sent)).reverse.clone()
}

/// A WRITE of `count` packets of 1,024 octets, from `psn` on.
pub fn write(psn: u32, count: u32) -> Vec<Sent> {
    let length = count * 1024;
    (0..count)
        .map(|nth| {
            let opcode = match (nth == 0, nth + 1 == count) {
                (true, true) => WRITE_ONLY,
                (true, false) => WRITE_FIRST,
                (false, true) => WRITE_LAST,
                (false, false) => WRITE_MIDDLE,
            };
            let sent = ask(opcode, psn.wrapping_add(nth), 1024);
            let sent = if nth == 0 { sent.length(length) } else { sent };
            if nth + 1 == count { sent.asks() } else { sent }
        })
        .collect()
}

/// The same as a SEND.
pub fn send(psn: u32, count: u32) -> Vec<Sent> {
    write(psn, count)
        .into_iter()
        .map(|mut sent| {
            sent.extended.clear();
            sent.opcode = match sent.opcode {
                WRITE_FIRST => SEND_FIRST,
                WRITE_MIDDLE => SEND_MIDDLE,
                WRITE_LAST => SEND_LAST,
                _ => SEND_ONLY,
            };
            sent
        })
        .collect()
}
