//! How a ring is set up.

use std::io;

use super::super::kernel::{self, Mapping, PACKET_IGNORE_OUTGOING, Socket};
use super::super::program::{Instruction, Program};
use super::super::ring_options::{RingCounts, RingOptions};
use super::super::{CaptureError, Trouble};
use super::Ring;

const FRAME_OCTETS: u32 = 2048;
/// SOF_TIMESTAMPING_RAW_HARDWARE.
const RAW_HARDWARE: i32 = 1 << 6;

impl Ring {
    /// A ring that is bound, and whose filter lets nothing through yet: packets would come to each ring before it
    /// shares them, and to a single one before the filter stands.
    pub(super) fn prepare(options: &RingOptions) -> Result<Self, CaptureError> {
        let name = options
            .interface
            .clone()
            .unwrap_or_else(|| "every interface".into());
        options.check(&name)?;
        let fail = |what: &str, error: &io::Error| refused(&name, what, error);
        let index = match &options.interface {
            None => 0,
            Some(name) => kernel::interface_index(name).map_err(|_| missing(name))?,
        };
        let socket = Socket::open().map_err(|error| fail("cannot be captured", &error))?;
        let set = |level, option, value: i32| socket.set(level, option, &value);
        let sized = [
            options.block_octets,
            options.blocks,
            FRAME_OCTETS,
            options.block_octets / FRAME_OCTETS * options.blocks,
            options.retire_ms,
            0,
            0,
        ];
        let closed = only_returning(0)?;
        let prepared = || {
            set(libc::SOL_PACKET, libc::PACKET_VERSION, 2)?;
            if options.hardware_time {
                set(libc::SOL_PACKET, libc::PACKET_TIMESTAMP, RAW_HARDWARE)?;
            }
            socket.attach(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &closed)?;
            if !options.outgoing {
                // Kernels before 4.20 do not know it: `next` passes over them then.
                let _ = set(libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
            }
            socket.set(libc::SOL_PACKET, libc::PACKET_RX_RING, &sized)
        };
        prepared().map_err(|error| fail("a ring cannot be set up", &error))?;
        if options.hardware_time {
            socket.stamp(&name).map_err(|error| {
                CaptureError::system(
                    &name,
                    "cannot stamp times",
                    &error,
                    "capture without hardware time, or give CAP_NET_ADMIN (`ethtool -T` says whether the interface can)",
                )
            })?;
        }
        let blocks = options.blocks as usize;
        let mapping = Mapping::new(&socket, options.block_octets as usize, blocks)
            .map_err(|error| fail("the ring cannot be mapped", &error))?;
        socket
            .bind(index)
            .map_err(|error| fail("cannot be captured", &error))?;
        if options.promiscuous {
            // struct packet_mreq: PACKET_MR_PROMISC is 1, in the half that comes first in memory.
            let kind = u32::from_ne_bytes(
                [1u16.to_ne_bytes(), [0; 2]]
                    .concat()
                    .try_into()
                    .unwrap_or([0; 4]),
            );
            socket
                .set(
                    libc::SOL_PACKET,
                    libc::PACKET_ADD_MEMBERSHIP,
                    &[index, kind, 0, 0],
                )
                .map_err(|error| fail("cannot be made promiscuous", &error))?;
        }
        Ok(Self {
            name,
            index,
            options: options.clone(),
            socket,
            mapping,
            blocks,
            block: 0,
            walk: None,
            counts: RingCounts::default(),
            counter: None,
            gone: false,
        })
    }

    /// With a second socket that counts what comes before the filter. The room of that one is full after a few frames,
    /// and the kernel drops and counts each that comes, before it copies anything.
    pub(super) fn counting(mut self) -> Result<Self, CaptureError> {
        if self.options.filter.is_none() {
            return Ok(self);
        }
        let counter = Socket::open().and_then(|counter| {
            counter.set(libc::SOL_SOCKET, libc::SO_RCVBUF, &0i32)?;
            if !self.options.outgoing {
                let _ = counter.set(libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, &1i32);
            }
            counter.bind(self.index)?;
            Ok(counter)
        });
        self.counter =
            Some(counter.map_err(|error| refused(&self.name, "cannot be counted", &error))?);
        self.counts.offered = Some(0);
        Ok(self)
    }
}

/// A program that answers the same for every packet.
pub(super) fn only_returning(octets: u32) -> Result<Program, CaptureError> {
    let answer = Instruction {
        code: 0x06,
        k: octets,
        ..Instruction::default()
    };
    Program::new(vec![answer]).map_err(|what| CaptureError::new(Trouble::Settings, what))
}

pub(super) fn missing(name: &str) -> CaptureError {
    CaptureError::new(
        Trouble::NoInterface,
        format!("{name}: there is no such interface; `ip link` lists those that there are"),
    )
}

pub(super) fn refused(name: &str, what: &str, error: &io::Error) -> CaptureError {
    let remedy = match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            "it needs CAP_NET_RAW (run as root, or `setcap cap_net_raw+ep`)"
        }
        Some(libc::ENOMEM) => "give it fewer or smaller blocks",
        Some(libc::ENODEV | libc::ENXIO) => "there is no such interface any more",
        Some(libc::EAFNOSUPPORT) => "this kernel has no packet sockets (CONFIG_PACKET)",
        _ => "",
    };
    CaptureError::system(name, what, error, remedy)
}
