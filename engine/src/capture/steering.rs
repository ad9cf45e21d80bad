//! Which ring of several a packet goes to: a program for PACKET_FANOUT_CBPF.
//!
//! What switches mirror comes from one outer address, so that the kernel's own hash would put all of it on one core; and
//! the two directions of a RoCE connection have different UDP source ports, so that its hash would part them. This one
//! goes through VLAN tags, MPLS, PPPoE, IP in IP, GRE, ERSPAN, VXLAN and Geneve to the innermost addresses, two tunnels
//! deep, and hashes them so that both directions come to the same; of TCP the ports too. Fragments go by the addresses of
//! what is fragmented. What is not IP, or cut off before its addresses, goes by what was found around it, or to ring 0.

mod tunnels;

use super::assembler::{Assembler, Label, Operation, Size, Test};
use super::program::{HARDWARE_TYPE, PACKET_TYPE, PROTOCOL, Program};

/// Network headers within network headers.
const LEVELS: usize = 3;
const TAGS: usize = 3;
const MPLS_LABELS: usize = 4;

// Cells of the scratch memory.
const HASH: u32 = 0;
const OFFSET: u32 = 1;
const KIND: u32 = 2;
const SIDE: u32 = 3;
const PART: u32 = 4;

const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
const ROCE: u32 = 0x8915;
const PPPOE: u32 = 0x8864;

/// Odd numbers with well-mixed bits (Knuth's and the golden ratio's).
const MULTIPLIERS: [u32; 2] = [0x9e37_79b1, 0x85eb_ca6b];

/// The program. It answers a hash, of which the kernel takes the remainder by the number of rings.
pub fn steering() -> Result<Program, String> {
    let mut writer = Writer {
        code: Assembler::default(),
        done: Label::default(),
        networks: Vec::new(),
        frames: Vec::new(),
    };
    writer.done = writer.code.label();
    for _ in 0..=LEVELS {
        let (network, frame) = (writer.code.label(), writer.code.label());
        writer.networks.push(network);
        writer.frames.push(frame);
    }
    writer.begin();
    for level in 0..LEVELS {
        writer.level(level);
    }
    writer.end();
    writer.code.finish()
}

struct Writer {
    code: Assembler,
    done: Label,
    /// Where a network header is looked at, with its EtherType in KIND and its place in X; the last ones are `done`.
    networks: Vec<Label>,
    /// Where an inner Ethernet frame is looked at, with its place in X.
    frames: Vec<Label>,
}

impl Writer {
    /// Octets are counted from the network header on, which is where the kernel stands; on what this host sends it
    /// stands before the link header.
    fn begin(&mut self) {
        let (link, received) = (self.code.label(), self.code.label());
        self.code.constant(0);
        for cell in [HASH, OFFSET, KIND, SIDE, PART] {
            self.code.store(cell);
        }
        self.code.absolute(Size::Word, PROTOCOL);
        self.code.store(KIND);
        self.code.absolute(Size::Word, PACKET_TYPE);
        self.code.unless(Test::Equal, 4, received);
        self.code.absolute(Size::Word, HARDWARE_TYPE);
        self.code.when(Test::Equal, 1, link);
        self.code.unless(Test::Equal, 772, received);
        self.code.place(link);
        self.code.constant(14);
        self.code.set_x();
        if let Some(&network) = self.networks.first() {
            self.code.jump(network);
        }
        self.code.place(received);
        self.code.constant(0);
        self.code.set_x();
    }

    fn level(&mut self, level: usize) {
        let (Some(&network), Some(&frame)) = (self.networks.get(level), self.frames.get(level))
        else {
            return;
        };
        if level > 0 {
            self.code.place(frame);
            self.need(14);
            self.kind_at(12);
            self.advance(14);
        }
        self.code.place(network);
        let (ipv4, ipv6, roce) = (self.code.label(), self.code.label(), self.code.label());
        let transport = self.code.label();
        self.tags();
        self.code.recall(KIND);
        self.code.when(Test::Equal, IPV4, ipv4);
        self.code.when(Test::Equal, IPV6, ipv6);
        self.code.when(Test::Equal, ROCE, roce);
        self.mpls(ipv4, ipv6);
        self.code.unless(Test::Equal, PPPOE, self.done);
        self.need(8);
        self.code.indirect(Size::Half, 6);
        self.code.store(KIND);
        self.advance(8);
        self.code.recall(KIND);
        self.code.when(Test::Equal, 0x21, ipv4);
        self.code.when(Test::Equal, 0x57, ipv6);
        self.code.jump(self.done);

        // RoCE v1: the global route header has its addresses where IPv6 has them.
        self.code.place(roce);
        self.need(40);
        self.addresses(&[8, 12, 16, 20], &[24, 28, 32, 36]);
        self.code.jump(self.done);

        self.code.place(ipv6);
        self.need(40);
        self.addresses(&[8, 12, 16, 20], &[24, 28, 32, 36]);
        self.code.indirect(Size::Octet, 6);
        self.code.store(KIND);
        self.advance(40);
        self.code.jump(transport);

        self.code.place(ipv4);
        self.need(20);
        self.addresses(&[12], &[16]);
        self.code.indirect(Size::Half, 6);
        self.code.when(Test::AnyBit, 0x3fff, self.done);
        self.code.indirect(Size::Octet, 9);
        self.code.store(KIND);
        self.code.indirect(Size::Octet, 0);
        self.code.with(Operation::And, 0xf);
        self.code.with(Operation::ShiftLeft, 2);
        self.code.with_x(Operation::Add);
        self.code.set_x();

        self.code.place(transport);
        self.transport(level);
    }

    /// Over VLAN tags.
    fn tags(&mut self) {
        let end = self.code.label();
        for _ in 0..TAGS {
            let tag = self.code.label();
            self.code.recall(KIND);
            for kind in [0x8100, 0x88a8, 0x9100] {
                self.code.when(Test::Equal, kind, tag);
            }
            self.code.jump(end);
            self.code.place(tag);
            self.need(4);
            self.kind_at(2);
            self.advance(4);
        }
        self.code.place(end);
    }

    /// Over MPLS labels to what the first half octet says; goes on behind when there are none. KIND is in A.
    fn mpls(&mut self, ipv4: Label, ipv6: Label) {
        let (labels, bottom, end) = (self.code.label(), self.code.label(), self.code.label());
        self.code.when(Test::Equal, 0x8847, labels);
        self.code.unless(Test::Equal, 0x8848, end);
        self.code.place(labels);
        for _ in 0..MPLS_LABELS {
            self.need(5);
            self.code.indirect(Size::Octet, 2);
            self.code.store(PART);
            self.advance(4);
            self.code.recall(PART);
            self.code.when(Test::AnyBit, 1, bottom);
        }
        self.code.place(bottom);
        self.code.indirect(Size::Octet, 0);
        self.code.with(Operation::ShiftRight, 4);
        self.code.when(Test::Equal, 4, ipv4);
        self.code.when(Test::Equal, 6, ipv6);
        self.code.jump(self.done);
        self.code.place(end);
    }

    fn end(&mut self) {
        self.code.place(self.done);
        self.code.recall(HASH);
        self.mix();
        self.code.answer();
    }

    /// Ends unless so many octets are there from X on.
    fn need(&mut self, octets: u32) {
        self.code.store_x(OFFSET);
        self.advance(octets);
        self.code.length();
        self.code.unless(Test::AtLeastX, 0, self.done);
        self.code.recall_x(OFFSET);
    }

    /// X += octets. A is lost.
    fn advance(&mut self, octets: u32) {
        self.code.get_x();
        self.code.with(Operation::Add, octets);
        self.code.set_x();
    }

    fn kind_at(&mut self, octets: u32) {
        self.code.indirect(Size::Half, octets);
        self.code.store(KIND);
    }

    /// Both addresses into HASH, the same whichever comes first.
    fn addresses(&mut self, source: &[u32], destination: &[u32]) {
        self.code.store_x(OFFSET);
        self.address(source);
        self.code.store(SIDE);
        self.address(destination);
        self.code.recall_x(SIDE);
        self.code.with_x(Operation::Add);
        self.code.store(HASH);
        self.code.recall_x(OFFSET);
    }

    /// A = a hash of an address' words. X is OFFSET before and after.
    fn address(&mut self, words: &[u32]) {
        for (index, &word) in words.iter().enumerate() {
            if index > 0 {
                self.code.with(Operation::Multiply, MULTIPLIERS[1]);
                self.code.store(PART);
            }
            self.code.indirect(Size::Word, word);
            if index > 0 {
                self.code.recall_x(PART);
                self.code.with_x(Operation::Add);
                self.code.recall_x(OFFSET);
            }
        }
        self.mix();
        self.code.recall_x(OFFSET);
    }

    /// Spreads each bit of A over all. X is lost.
    fn mix(&mut self) {
        for multiplier in MULTIPLIERS {
            self.code.set_x();
            self.code.with(Operation::ShiftRight, 16);
            self.code.with_x(Operation::Xor);
            self.code.with(Operation::Multiply, multiplier);
        }
        self.code.set_x();
        self.code.with(Operation::ShiftRight, 15);
        self.code.with_x(Operation::Xor);
    }
}

#[cfg(test)]
mod tests;
