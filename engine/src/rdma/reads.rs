//! Outstanding READ and ATOMIC requests: which sequence numbers their answers take.

use super::headers::Position;
use super::messages::packets;
use super::piece::{Piece, Tally};
use super::psn::{add, distance};
use super::stream::Stream;

/// More than any adapter lets a queue pair have.
const MAX_READS: usize = 128;

#[derive(Clone, Copy, Debug)]
struct Read {
    first: u32,
    length: u32,
}

impl Read {
    fn end(&self, mtu: u32) -> u32 {
        add(self.first, packets(self.length, mtu))
    }

    fn contains(&self, psn: u32, mtu: u32) -> bool {
        distance(self.first, psn) >= 0 && distance(psn, self.end(mtu)) > 0
    }
}

/// Requests whose answers are not complete, in the order of their numbers. Takes memory with the first of them.
#[derive(Clone, Debug, Default)]
pub struct Reads(Vec<Read>);

impl Reads {
    /// A request was seen for the first time.
    pub fn add(&mut self, first: u32, length: u32) {
        if self.0.len() >= MAX_READS {
            self.0.remove(0);
        }
        let at = self
            .0
            .iter()
            .rposition(|read| distance(read.first, first) > 0);
        self.0
            .insert(at.map_or(0, |before| before + 1), Read { first, length });
    }

    /// Leads the stream of answers to the request that `piece` answers: what is between two of them is no answer's
    /// number, and what is left of earlier ones was passed over.
    pub fn lead(&mut self, piece: &Piece, answers: &mut Stream, tally: &mut Tally) {
        let Some(at) = self
            .0
            .iter()
            .position(|read| read.contains(piece.psn, piece.mtu))
        else {
            if matches!(piece.position, Position::First | Position::Only) {
                answers.skip_to(piece.psn);
            }
            return;
        };
        for read in self.0.iter().take(at) {
            answers.skip_to(read.first);
            answers.miss_to(read.end(piece.mtu), piece.time_ns, piece.mtu, tally);
        }
        self.0.drain(..at);
        if let Some(read) = self.0.first().copied() {
            answers.skip_to(read.first);
            if add(piece.psn, 1) == read.end(piece.mtu) {
                self.0.remove(0);
            }
        }
    }
}

#[cfg(test)]
mod tests;
