//! A driver's own statistics (`ethtool -S`) by ioctl.
//!
//! `probes/engine/statistics.py` is the specification.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

/// Statistics for which there is room.
const MAX_STATISTICS: usize = 1 << 16;

const SIOCETHTOOL: u64 = 0x8946;
const GSTATS: u32 = 0x1d;
const GSSET_INFO: u32 = 0x37;
const STATS_SET: u64 = 1 << 1;

/// Some of the statistics of one interface, by their indexes.
pub struct Statistics {
    name: [u8; libc::IFNAMSIZ],
    indexes: Vec<usize>,
    count: u32,
    socket: Option<UnixDatagram>,
    /// Two 32-bit numbers, then the statistics. Pages that the kernel never writes to are never there.
    room: Vec<u64>,
}

impl Statistics {
    /// `count` is how many statistics the interface had when the indexes were found.
    pub fn new(interface: &str, indexes: Vec<usize>, count: usize) -> Result<Self, String> {
        let octets = interface.as_bytes();
        let mut name = [0; libc::IFNAMSIZ];
        if octets.is_empty() || octets.len() >= name.len() || octets.contains(&0) {
            return Err(format!("no name of an interface: {interface:?}"));
        }
        name[..octets.len()].copy_from_slice(octets);
        if count > MAX_STATISTICS / 2 || indexes.iter().any(|&index| index >= count) {
            return Err(format!(
                "an index that is not below {count}, or more than {} statistics",
                MAX_STATISTICS / 2
            ));
        }
        Ok(Self {
            name,
            indexes,
            count: count as u32,
            socket: None,
            room: Vec::new(),
        })
    }

    /// How many statistics are read.
    pub fn len(&self) -> usize {
        self.indexes.len()
    }

    /// Whether there are none to be read.
    pub fn is_empty(&self) -> bool {
        self.indexes.is_empty()
    }

    /// The statistics at the indexes, or the errno: EBADMSG when their number has changed.
    pub fn read(&mut self) -> Result<impl Iterator<Item = u64> + '_, i32> {
        self.ask()
            .map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))?;
        // A place below `count` lies in `room`, which has far more.
        Ok(self.indexes.iter().map(|&index| self.room[1 + index]))
    }

    /// Closes the socket; a later read opens another.
    pub fn close(&mut self) {
        self.socket = None;
    }

    fn ask(&mut self) -> io::Result<()> {
        let socket = match &self.socket {
            Some(socket) => socket,
            // Of any family: the ioctl is for the interface.
            None => self.socket.insert(UnixDatagram::unbound()?),
        };
        self.room.resize(1 + MAX_STATISTICS, 0);
        if kernel::count(socket, &self.name)? != self.count {
            return Err(io::Error::from_raw_os_error(libc::EBADMSG));
        }
        if kernel::fill(socket, &self.name, self.count, &mut self.room)? != self.count {
            return Err(io::Error::from_raw_os_error(libc::EBADMSG));
        }
        Ok(())
    }
}

/// The one place of this crate with a call that the compiler cannot check.
#[allow(unsafe_code)] // std has no ioctl, and sockets' driver statistics are to be had in no other way.
mod kernel {
    use super::*;

    /// How many statistics an interface has at this moment.
    pub(super) fn count(socket: &UnixDatagram, name: &[u8; libc::IFNAMSIZ]) -> io::Result<u32> {
        // struct ethtool_sset_info with one set asked for: cmd, reserved; sset_mask; data[0].
        let mut question = [pair(GSSET_INFO, 0), STATS_SET, 0];
        // SAFETY: the kernel writes the struct back and one u32 for each bit of the mask that was set, which is one: 20
        // octets of the 24.
        unsafe { ethtool(socket, name, question.as_mut_ptr())? };
        let (count, _) = halves(question[2]);
        Ok(if question[1] & STATS_SET != 0 {
            count
        } else {
            0
        })
    }

    /// Every statistic into `room[1..]`; how many there were. `room` has 1 + MAX_STATISTICS places.
    pub(super) fn fill(
        socket: &UnixDatagram,
        name: &[u8; libc::IFNAMSIZ],
        count: u32,
        room: &mut [u64],
    ) -> io::Result<u32> {
        assert!(room.len() > MAX_STATISTICS);
        room[0] = pair(GSTATS, count);
        // SAFETY: the kernel writes a header of 8 octets and 8 for each statistic that the interface has at that moment.
        // It had at most half of what there is room for when it was asked just before; newer kernels write nothing
        // when the number is no longer `count`.
        unsafe { ethtool(socket, name, room.as_mut_ptr())? };
        Ok(halves(room[0]).1)
    }

    /// SIOCETHTOOL. `data` must point to as much as the command in it makes the kernel write.
    unsafe fn ethtool(
        socket: &UnixDatagram,
        name: &[u8; libc::IFNAMSIZ],
        data: *mut u64,
    ) -> io::Result<()> {
        let mut request = Request {
            name: *name,
            data,
            rest: [0; 2],
        };
        // SAFETY: `request` has the layout and the size of struct ifreq and lives through the call; the descriptor is
        // open; `data` is the caller's promise.
        let result = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL as _, &raw mut request) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// struct ifreq, whose union is 24 octets long.
    #[repr(C)]
    struct Request {
        name: [u8; libc::IFNAMSIZ],
        data: *mut u64,
        rest: [u64; 2],
    }

    /// Two numbers as they lie in memory.
    fn pair(first: u32, second: u32) -> u64 {
        let (first, second) = (first.to_ne_bytes(), second.to_ne_bytes());
        let [a, b, c, d] = first;
        let [e, f, g, h] = second;
        u64::from_ne_bytes([a, b, c, d, e, f, g, h])
    }

    fn halves(both: u64) -> (u32, u32) {
        let [a, b, c, d, e, f, g, h] = both.to_ne_bytes();
        (
            u32::from_ne_bytes([a, b, c, d]),
            u32::from_ne_bytes([e, f, g, h]),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_indexes_are_checked() {
        assert!(Statistics::new("eth0", vec![0, 9], 10).is_ok());
        assert!(Statistics::new("eth0", vec![10], 10).is_err());
        assert!(Statistics::new("eth0", vec![], MAX_STATISTICS).is_err());
        for name in ["", "a\0b", "sixteen-letters-"] {
            assert!(Statistics::new(name, vec![], 1).is_err());
        }
    }

    #[test]
    fn an_interface_that_is_not_there_has_an_errno() {
        let mut statistics = Statistics::new("fs-none0", vec![0], 1).unwrap();
        assert_eq!(statistics.len(), 1);
        assert!(!statistics.is_empty());
        assert!(statistics.read().is_err());
        statistics.close();
        assert!(statistics.read().is_err());
    }
}
