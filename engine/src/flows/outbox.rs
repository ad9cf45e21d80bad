//! Records that wait to be taken, and the books.

use super::books::Books;
use super::record::FlowRecord;

/// What comes out of a meter.
#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) records: Vec<FlowRecord>,
    pub(super) books: Books,
    most: usize,
}

impl Outbox {
    pub(super) fn new(most: u32) -> Self {
        Self {
            records: Vec::new(),
            books: Books::default(),
            most: most as usize,
        }
    }

    /// Whether one more would be dropped.
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= self.most
    }

    pub(super) fn tell(&mut self, record: FlowRecord) {
        self.books.told(record.end_reason);
        if self.is_full() {
            let dropped = &mut self.books.dropped;
            for way in [&record.forward, &record.reverse] {
                dropped.packets = dropped.packets.saturating_add(way.packets);
                dropped.octets = dropped.octets.saturating_add(way.octets);
            }
            self.books.records_dropped = self.books.records_dropped.saturating_add(1);
        } else {
            self.records.push(record);
        }
    }
}
