//! From a transport header into the tunnel that it may carry.

use super::super::assembler::{Label, Operation, Size, Test};
use super::{HASH, IPV4, IPV6, KIND, LEVELS, OFFSET, PART, Writer};

const BRIDGING: u32 = 0x6558;
const ERSPAN: u32 = 0x88be;
const ERSPAN_3: u32 = 0x22eb;

impl Writer {
    /// Into the next tunnel. The protocol is in KIND.
    pub(super) fn transport(&mut self, level: usize) {
        let (tcp, udp, gre) = (self.code.label(), self.code.label(), self.code.label());
        self.code.recall(KIND);
        self.code.when(Test::Equal, 6, tcp);
        let inner = (level + 1 < LEVELS).then_some(level + 1);
        let inner =
            inner.and_then(|inner| Some((*self.networks.get(inner)?, *self.frames.get(inner)?)));
        let Some((network, frame)) = inner else {
            self.code.jump(self.done);
            self.tcp(tcp);
            return;
        };
        self.code.when(Test::Equal, 17, udp);
        self.code.when(Test::Equal, 47, gre);
        for (protocol, kind) in [(4, IPV4), (41, IPV6)] {
            let other = self.code.label();
            self.code.unless(Test::Equal, protocol, other);
            self.code.constant(kind);
            self.code.store(KIND);
            self.code.jump(network);
            self.code.place(other);
        }
        self.code.jump(self.done);
        self.tcp(tcp);
        self.code.place(udp);
        self.udp(network, frame);
        self.code.place(gre);
        self.gre(network, frame);
    }

    fn tcp(&mut self, label: Label) {
        self.code.place(label);
        self.need(4);
        self.code.store_x(OFFSET);
        self.code.indirect(Size::Half, 0);
        self.code.store(PART);
        self.code.indirect(Size::Half, 2);
        self.code.recall_x(PART);
        self.code.with_x(Operation::Add);
        self.mix();
        self.code.recall_x(HASH);
        self.code.with_x(Operation::Add);
        self.code.store(HASH);
        self.code.jump(self.done);
    }

    fn udp(&mut self, network: Label, frame: Label) {
        let (vxlan, geneve) = (self.code.label(), self.code.label());
        self.need(16);
        self.code.indirect(Size::Half, 2);
        // IANA's port, and Linux' own from before there was one.
        self.code.when(Test::Equal, 4789, vxlan);
        self.code.when(Test::Equal, 8472, vxlan);
        self.code.when(Test::Equal, 6081, geneve);
        self.code.jump(self.done);
        self.code.place(vxlan);
        self.advance(16);
        self.code.jump(frame);
        self.code.place(geneve);
        self.kind_at(10);
        self.code.indirect(Size::Octet, 8);
        self.code.with(Operation::And, 0x3f);
        self.code.with(Operation::ShiftLeft, 2);
        self.code.with_x(Operation::Add);
        self.code.with(Operation::Add, 16);
        self.code.set_x();
        self.code.recall(KIND);
        self.code.when(Test::Equal, BRIDGING, frame);
        self.code.jump(network);
    }

    fn gre(&mut self, network: Label, frame: Label) {
        self.need(4);
        self.code.indirect(Size::Octet, 1);
        self.code.when(Test::AnyBit, 7, self.done);
        self.kind_at(2);
        self.code.indirect(Size::Octet, 0);
        self.code.store(PART);
        self.advance(4);
        // Checksum or routing, key, sequence: four octets each.
        for bits in [0xc0, 0x20, 0x10] {
            let without = self.code.label();
            self.code.recall(PART);
            self.code.unless(Test::AnyBit, bits, without);
            self.advance(4);
            self.code.place(without);
        }
        let (erspan, erspan_3) = (self.code.label(), self.code.label());
        self.code.recall(KIND);
        self.code.when(Test::Equal, BRIDGING, frame);
        self.code.when(Test::Equal, ERSPAN, erspan);
        self.code.when(Test::Equal, ERSPAN_3, erspan_3);
        self.code.jump(network);
        // Type I has no header of its own, and no sequence number in GRE's.
        self.code.place(erspan);
        self.code.recall(PART);
        self.code.unless(Test::AnyBit, 0x10, frame);
        self.advance(8);
        self.code.jump(frame);
        self.code.place(erspan_3);
        self.need(12);
        self.code.indirect(Size::Octet, 11);
        self.code.store(PART);
        self.advance(12);
        self.code.recall(PART);
        self.code.unless(Test::AnyBit, 1, frame);
        self.advance(8);
        self.code.jump(frame);
    }
}
