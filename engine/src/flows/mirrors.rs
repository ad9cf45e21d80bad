//! What the mirror itself lost: gaps in the sequence numbers of GRE and ERSPAN.

use foldhash::quality::RandomState;
use hashbrown::HashMap;
use serde::Serialize;

use crate::packets::{Address, Tunnel, TunnelKind};

/// Sessions that are followed; packets of others are counted.
const MAX_SESSIONS: usize = 1024;
/// How far back a late packet is told from one that came twice.
const WINDOW: u32 = 64;
/// A step further than that is a session that began anew, not a loss.
const MAX_GAP: u32 = 1 << 20;
/// No session.
pub(super) const UNNUMBERED: u16 = u16::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Session {
    source: Address,
    destination: Address,
    id: u32,
    kind: TunnelKind,
}

/// One session by which packets are mirrored here, and numbered.
#[derive(Clone, Debug, Serialize)]
pub struct Mirror {
    /// Who mirrors: 4 octets of IPv4 and 12 of 0, or IPv6.
    #[serde(with = "serde_bytes")]
    pub source: Address,
    /// To whom.
    #[serde(with = "serde_bytes")]
    pub destination: Address,
    /// `TunnelKind` as a number.
    pub tunnel: u8,
    /// ERSPAN's session, or GRE's key.
    pub tunnel_id: u32,
    /// Numbers that were seen, each once.
    pub seen: u64,
    /// Numbers that were passed over.
    pub missing: u64,
    /// Packets that came after a later one; they count as seen and no longer as missing.
    pub late: u64,
    /// Packets whose number had been seen, or that are too late to know.
    pub repeated: u64,
    /// How often the numbers began anew.
    pub restarts: u64,
    #[serde(skip)]
    next: u32,
    /// Bit n: `next - 1 - n` was seen.
    #[serde(skip)]
    window: u64,
}

impl Mirror {
    /// Which part of what was to be seen was seen, 0 to 1.
    pub fn visibility(&self) -> f32 {
        ratio(self.seen, self.missing)
    }

    fn begin(&mut self, sequence: u32) {
        self.next = sequence.wrapping_add(1);
        self.window = 1;
        self.seen = self.seen.saturating_add(1);
    }

    /// Numbers wrap. What is up to 2^20 ahead passes over what is between; what is less than 64 behind, or not much
    /// more, is late or repeated; from anywhere else the numbers begin anew.
    fn observe(&mut self, sequence: u32) {
        let ahead = sequence.wrapping_sub(self.next);
        let behind = self.next.wrapping_sub(1).wrapping_sub(sequence);
        if ahead <= MAX_GAP {
            self.missing = self.missing.saturating_add(u64::from(ahead));
            self.window = self.window.checked_shl(ahead + 1).unwrap_or(0) | 1;
            self.next = sequence.wrapping_add(1);
            self.seen = self.seen.saturating_add(1);
        } else if behind < WINDOW && self.window & (1 << behind) == 0 && self.missing > 0 {
            self.window |= 1 << behind;
            self.missing -= 1;
            self.late = self.late.saturating_add(1);
            self.seen = self.seen.saturating_add(1);
        } else if behind <= 4 * WINDOW {
            self.repeated = self.repeated.saturating_add(1);
        } else {
            self.restarts = self.restarts.saturating_add(1);
            self.begin(sequence);
        }
    }
}

/// Where a session stood, for what is seen and missing from then on. Numbers are kept as halves: ten octets fit beside
/// what a flow counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    seen: [u16; 2],
    missing: [u16; 2],
    session: u16,
}

impl Mark {
    pub(super) const NONE: Self = Self {
        seen: [0; 2],
        missing: [0; 2],
        session: UNNUMBERED,
    };
}

fn halves(number: u32) -> [u16; 2] {
    [number as u16, (number >> 16) as u16]
}

fn whole([low, high]: [u16; 2]) -> u32 {
    (u32::from(high) << 16) | u32::from(low)
}

/// All sessions, in the order in which they were first seen.
#[derive(Debug, Default)]
pub struct Mirrors {
    sessions: Vec<Mirror>,
    index: HashMap<Session, u16, RandomState>,
    /// The last packet's.
    last: Option<(Session, u16)>,
    /// Numbered packets of sessions beyond the first 1,024.
    pub unfollowed: u64,
}

impl Mirrors {
    /// All sessions.
    pub fn sessions(&self) -> &[Mirror] {
        &self.sessions
    }

    /// A packet that came through a tunnel. Returns its session, `UNNUMBERED` where nothing numbers it.
    #[inline]
    pub(super) fn observe(&mut self, tunnel: &Option<Tunnel>) -> u16 {
        match tunnel {
            Some(tunnel) if tunnel.kind.mirrors() => match tunnel.sequence {
                Some(sequence) => self.numbered(tunnel, sequence),
                None => UNNUMBERED,
            },
            _ => UNNUMBERED,
        }
    }

    fn numbered(&mut self, tunnel: &Tunnel, sequence: u32) -> u16 {
        let session = Session {
            source: tunnel.source,
            destination: tunnel.destination,
            id: tunnel.id,
            kind: tunnel.kind,
        };
        let number = match self.last {
            Some((last, number)) if last == session => number,
            _ => match self.index.get(&session) {
                Some(&number) => number,
                None => return self.begin(session, sequence),
            },
        };
        self.last = Some((session, number));
        if let Some(mirror) = self.sessions.get_mut(usize::from(number)) {
            mirror.observe(sequence);
        }
        number
    }

    #[cold]
    fn begin(&mut self, session: Session, sequence: u32) -> u16 {
        let number = match u16::try_from(self.sessions.len()) {
            Ok(number) if self.sessions.len() < MAX_SESSIONS => number,
            _ => {
                self.unfollowed = self.unfollowed.saturating_add(1);
                return UNNUMBERED;
            }
        };
        let mut mirror = Mirror {
            source: session.source,
            destination: session.destination,
            tunnel: session.kind as u8,
            tunnel_id: session.id,
            seen: 0,
            missing: 0,
            late: 0,
            repeated: 0,
            restarts: 0,
            next: 0,
            window: 0,
        };
        mirror.begin(sequence);
        self.sessions.push(mirror);
        self.index.insert(session, number);
        number
    }

    /// Where a session stands, before its last packet is counted.
    pub(super) fn mark(&self, session: u16) -> Mark {
        match self.sessions.get(usize::from(session)) {
            // The counters' lower bits do: a flow's record has fewer packets than that.
            Some(mirror) => Mark {
                session,
                seen: halves((mirror.seen as u32).wrapping_sub(1)),
                missing: halves(mirror.missing as u32),
            },
            None => Mark::NONE,
        }
    }

    /// Which part of what the sessions of these marks were to bring since then was seen; 1 where nothing says so.
    pub(super) fn visibility_since(&self, marks: &[Mark]) -> f32 {
        let (mut seen, mut missing) = (0, 0);
        for mark in marks {
            if let Some(mirror) = self.sessions.get(usize::from(mark.session)) {
                seen += u64::from((mirror.seen as u32).wrapping_sub(whole(mark.seen)));
                // A late packet may take back what was missing before the mark.
                let more = (mirror.missing as u32).wrapping_sub(whole(mark.missing));
                missing += u64::from(if more > u32::MAX / 2 { 0 } else { more });
            }
        }
        ratio(seen, missing)
    }

    /// The same of all sessions of a tunnel, from their beginning on.
    pub(super) fn visibility_of(&self, tunnel: u8, tunnel_id: u32) -> f32 {
        let (mut seen, mut missing) = (0_u64, 0_u64);
        for mirror in &self.sessions {
            if mirror.tunnel == tunnel && mirror.tunnel_id == tunnel_id {
                seen = seen.saturating_add(mirror.seen);
                missing = missing.saturating_add(mirror.missing);
            }
        }
        ratio(seen, missing)
    }
}

fn ratio(seen: u64, missing: u64) -> f32 {
    let all = seen.saturating_add(missing);
    if all == 0 {
        1.0
    } else {
        (seen as f64 / all as f64) as f32
    }
}

#[cfg(test)]
mod tests;
