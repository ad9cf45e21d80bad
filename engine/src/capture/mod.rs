//! Where frames come from: a capture file of whatever kind (`CaptureFile`), or an interface (`Ring`).
//!
//! Both give `Frame`s that borrow their buffer, count what they did not give, and never keep more than a fixed amount.

mod assembler;
mod block;
mod error;
mod file;
mod gzip;
mod interface;
mod kernel;
mod link;
mod octets;
mod pcap;
mod pcapng;
mod program;
mod ring;
mod ring_options;
mod steering;
mod stream;
mod window;
mod zstd;

pub use error::{CaptureError, Trouble};
pub use file::{CaptureFile, FileCounts, FileOptions};
pub use interface::Interface;
pub use program::{Context, Instruction, Program};
pub use ring::{Ring, Seen};
pub use ring_options::{RingCounts, RingOptions};
pub use steering::steering;

use crate::packets::Frame;

/// Octets of a packet that are taken at most, as libpcap and Wireshark have it; a file that says more is damaged.
pub const MAX_PACKET: usize = 256 << 10;

/// Something that gives frames.
pub trait Source {
    /// The next frame. None at the end, and when nothing is there yet.
    fn next(&mut self) -> Result<Option<Frame<'_>>, CaptureError>;
}
