//! Frames of an interface as they come: an AF_PACKET socket with a TPACKET_V3 ring
//! (Documentation/networking/packet_mmap.rst). Nothing is copied: a `Frame` borrows the kernel's block.

mod opening;

use std::io;

use super::block::{self, Found, Walk};
use super::kernel::{self, Mapping, Socket};
use super::link::link;
use super::ring_options::{RingCounts, RingOptions};
use super::steering::steering;
use super::{CaptureError, Source, Trouble};
use crate::packets::Frame;
use opening::{only_returning, refused};

const PACKET_OUTGOING: u8 = 4;
/// PACKET_FANOUT: the program steers, and the kernel chooses a number for the group.
const FANOUT_CBPF: u32 = 6 << 16;
const FANOUT_UNIQUE: u32 = 0x2000 << 16;

/// A frame, and what a ring knows of it beside.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// The number of the interface.
    pub interface: u32,
    /// Whether this host sent it.
    pub outgoing: bool,
}

/// One ring.
pub struct Ring {
    name: String,
    index: u32,
    options: RingOptions,
    socket: Socket,
    mapping: Mapping,
    blocks: usize,
    block: usize,
    /// Where we are in the block that is ours.
    walk: Option<Walk>,
    counts: RingCounts,
    /// Counts what comes before the filter; nothing is read from it.
    counter: Option<Socket>,
    /// The interface is gone, which the kernel says once.
    gone: bool,
}

impl Ring {
    /// A single ring. It needs CAP_NET_RAW.
    pub fn open(options: &RingOptions) -> Result<Self, CaptureError> {
        let ring = Self::prepare(options)?;
        ring.start()?;
        ring.counting()
    }

    /// Several rings that share the packets: `steering` says how.
    pub fn group(options: &RingOptions, count: usize) -> Result<Vec<Self>, CaptureError> {
        if count <= 1 {
            return Ok(vec![Self::open(options)?]);
        }
        let steering = steering().map_err(|what| CaptureError::new(Trouble::Settings, what))?;
        let mut rings = Vec::with_capacity(count);
        let mut group = FANOUT_CBPF | FANOUT_UNIQUE;
        for _ in 0..count {
            let ring = Self::prepare(options)?;
            ring.try_to("cannot share packets among rings", |socket| {
                socket.set(libc::SOL_PACKET, libc::PACKET_FANOUT, &group)
            })?;
            if rings.is_empty() {
                ring.try_to("cannot steer packets to rings", |socket| {
                    group = FANOUT_CBPF
                        | (socket.get::<u32>(libc::SOL_PACKET, libc::PACKET_FANOUT)? & 0xffff);
                    socket.attach(libc::SOL_PACKET, libc::PACKET_FANOUT_DATA, &steering)
                })?;
            }
            rings.push(ring);
        }
        rings.iter().try_for_each(Self::start)?;
        let mut rings = rings.into_iter();
        let first = rings.next().map(Self::counting).transpose()?;
        Ok(first.into_iter().chain(rings).collect())
    }

    /// Opens the filter as far as it is to be.
    fn start(&self) -> Result<(), CaptureError> {
        let snap = match self.options.snap {
            0 => u32::MAX,
            snap => snap,
        };
        let program = match &self.options.filter {
            Some(filter) => filter.clone().with_snap(snap),
            None => only_returning(snap)?,
        };
        self.try_to("the filter was refused", |socket| {
            socket.attach(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
        })
    }

    fn try_to<T>(
        &self,
        what: &str,
        act: impl FnOnce(&Socket) -> io::Result<T>,
    ) -> Result<T, CaptureError> {
        act(&self.socket).map_err(|error| refused(&self.name, what, &error))
    }

    /// Waits until frames are there, `timeout_ms` at most. Whether some are. After `InterfaceDown` it can be asked
    /// again: frames come when the interface is up; after `NoInterface` the rings have to be opened anew.
    pub fn wait(&mut self, timeout_ms: i32) -> Result<bool, CaptureError> {
        if self.walk.is_some_and(|walk| walk.left() == 0) {
            self.pass();
        }
        if self.mapping.block(self.block).is_some() {
            return Ok(true);
        }
        if self.gone {
            return Err(self.failed(libc::ENETDOWN));
        }
        match self.socket.poll(timeout_ms) {
            Ok(events) if events & libc::POLLERR != 0 => {
                let code = self.try_to("cannot be captured", |socket| {
                    socket.get::<i32>(libc::SOL_SOCKET, libc::SO_ERROR)
                })?;
                let error = self.failed(code);
                self.gone = error.trouble == Trouble::NoInterface;
                Err(error)
            }
            Ok(_) => Ok(self.mapping.block(self.block).is_some()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(refused(&self.name, "cannot be waited for", &error)),
        }
    }

    fn failed(&self, code: i32) -> CaptureError {
        if code != libc::ENETDOWN {
            let error = io::Error::from_raw_os_error(code);
            return refused(&self.name, "cannot be captured any more", &error);
        }
        let name = &self.name;
        let there = kernel::interface_index(name).ok();
        if self.gone || self.index != 0 && there != Some(self.index) {
            return CaptureError::new(
                Trouble::NoInterface,
                format!("{name}: is no longer there; open it again when it is back"),
            );
        }
        CaptureError::new(
            Trouble::InterfaceDown,
            format!("{name}: is down; packets come when it is up (`ip link set {name} up`)"),
        )
    }

    /// What became of the packets so far. One system call, or two with a filter.
    pub fn counts(&mut self) -> Result<RingCounts, CaptureError> {
        // Reading them sets the kernel's back to 0. The counter is read last, so that what comes meanwhile counts as
        // filtered for a moment, and not the other way round.
        let [received, dropped, freezes] = self.try_to("cannot be counted", |socket| {
            socket.get::<[u32; 3]>(libc::SOL_PACKET, libc::PACKET_STATISTICS)
        })?;
        let offered = match &self.counter {
            None => 0,
            Some(counter) => {
                let counted = counter.get::<[u32; 2]>(libc::SOL_PACKET, libc::PACKET_STATISTICS);
                counted.map_err(|error| refused(&self.name, "cannot be counted", &error))?[0]
            }
        };
        let counts = &mut self.counts;
        counts.received += u64::from(received);
        counts.dropped += u64::from(dropped);
        counts.freezes += u64::from(freezes);
        counts.offered = counts.offered.map(|before| before + u64::from(offered));
        Ok(*counts)
    }

    /// Gives the block that was read back to the kernel.
    fn pass(&mut self) {
        self.walk = None;
        self.mapping.release(self.block);
        self.block = (self.block + 1).checked_rem(self.blocks).unwrap_or(0);
    }

    /// The next frame, with what is known beside it. None when none is there: `wait` for more.
    pub fn next_seen(&mut self) -> Option<Seen<'_>> {
        let found = loop {
            let block = self.mapping.block(self.block)?;
            let walk = self.walk.get_or_insert_with(|| Walk::begin(block));
            match walk.next(block) {
                Some(found) if found.packet_type == PACKET_OUTGOING && !self.options.outgoing => {}
                Some(found) => break found,
                None => {
                    self.counts.broken += u64::from(walk.left());
                    self.pass();
                }
            }
        };
        self.counts.given += 1;
        self.counts.hardware_stamped += u64::from(found.hardware_stamp);
        Some(seen(self.mapping.block(self.block)?, &found))
    }
}

impl Source for Ring {
    fn next(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        Ok(self.next_seen().map(|seen| seen.frame))
    }
}

fn seen<'a>(block: &'a [u8], found: &Found) -> Seen<'a> {
    let (link, from_network) = link(found.hardware_type, found.protocol);
    let skipped = if from_network {
        found.network_header.saturating_sub(found.link_header)
    } else {
        0
    };
    let end = found.link_header + found.captured;
    // The tag that the kernel took off was on the wire.
    let tag = if found.vlan.is_some() { 4 } else { 0 };
    Seen {
        frame: Frame {
            time_ns: found.time_ns,
            wire_octets: found.wire_octets.saturating_sub(skipped as u32) + tag,
            link,
            octets: block::octets(block, found.link_header + skipped, end),
            stripped_vlan: found.vlan,
        },
        interface: found.interface,
        outgoing: found.packet_type == PACKET_OUTGOING,
    }
}
