//! The calls of a packet socket and its mapped ring: everything here that the compiler cannot check.
#![allow(unsafe_code)] // std knows neither packet sockets nor mappings.

use std::ffi::CString;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use super::block::STATUS_END;
use super::program::Program;

pub(super) const PACKET_IGNORE_OUTGOING: i32 = 23;

const STATUS_AT: usize = 8;
const STATUS_KERNEL: u32 = 0;
const STATUS_USER: u32 = 1;
const SIOCSHWTSTAMP: u64 = 0x89b0;

/// Marks types that are plain numbers without gaps, so that the kernel may read or write any octet of them.
pub(super) trait Plain: Copy + Default {}
impl Plain for i32 {}
impl Plain for u32 {}
impl Plain for [u32; 2] {}
impl Plain for [u32; 3] {}
/// struct packet_mreq: index, type and length, address.
impl Plain for [u32; 4] {}
/// struct tpacket_req3.
impl Plain for [u32; 7] {}

/// A packet socket.
pub(super) struct Socket(OwnedFd);

impl Socket {
    /// One that receives nothing until it is bound.
    pub(super) fn open() -> io::Result<Self> {
        // SAFETY: no pointers; the descriptor that comes back is nobody else's.
        let result =
            unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        check(result)?;
        // SAFETY: an open descriptor, as just checked, which nothing else owns.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(result) }))
    }

    /// Receives every protocol of an interface, 0 for all.
    pub(super) fn bind(&self, interface: u32) -> io::Result<()> {
        let address = libc::sockaddr_ll {
            sll_family: libc::AF_PACKET as u16,
            sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
            sll_ifindex: interface as i32,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        // SAFETY: `address` is a struct sockaddr_ll of that size, and lives through the call.
        check(unsafe {
            libc::bind(
                self.0.as_raw_fd(),
                (&raw const address).cast(),
                size_of::<libc::sockaddr_ll>() as u32,
            )
        })
    }

    pub(super) fn set<T: Plain>(&self, level: i32, option: i32, value: &T) -> io::Result<()> {
        // SAFETY: `value` lives through the call and has that size.
        unsafe { self.set_raw(level, option, (value as *const T).cast(), size_of::<T>()) }
    }

    /// `size` octets have to be behind `value`, through the call.
    unsafe fn set_raw(
        &self,
        level: i32,
        option: i32,
        value: *const libc::c_void,
        size: usize,
    ) -> io::Result<()> {
        // SAFETY: the kernel reads `size` octets, which are there by the caller's promise.
        check(unsafe { libc::setsockopt(self.0.as_raw_fd(), level, option, value, size as u32) })
    }

    pub(super) fn get<T: Plain>(&self, level: i32, option: i32) -> io::Result<T> {
        let mut value = T::default();
        let mut size = size_of::<T>() as u32;
        // SAFETY: the kernel writes at most `size` octets into `value`, for which any octets are valid (`Plain`).
        check(unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                level,
                option,
                (&raw mut value).cast(),
                &raw mut size,
            )
        })?;
        Ok(value)
    }

    /// Gives the kernel a program: SO_ATTACH_FILTER or PACKET_FANOUT_DATA.
    pub(super) fn attach(&self, level: i32, option: i32, program: &Program) -> io::Result<()> {
        let filters: Vec<_> = program
            .instructions()
            .iter()
            .map(|instruction| libc::sock_filter {
                code: instruction.code,
                jt: instruction.jt,
                jf: instruction.jf,
                k: instruction.k,
            })
            .collect();
        let description = libc::sock_fprog {
            len: filters.len() as u16,
            filter: filters.as_ptr().cast_mut(),
        };
        // SAFETY: both live through the call; the kernel copies them before it returns, and writes to neither.
        unsafe {
            self.set_raw(
                level,
                option,
                (&raw const description).cast(),
                size_of::<libc::sock_fprog>(),
            )
        }
    }

    /// Lets the interface stamp every frame that it receives.
    pub(super) fn stamp(&self, interface: &str) -> io::Result<()> {
        #[repr(C)]
        struct Request {
            name: [u8; libc::IFNAMSIZ],
            config: *mut [i32; 3],
            rest: [u64; 2],
        }
        // struct hwtstamp_config: flags, tx_type off, rx_filter all.
        let mut config = [0, 0, 1];
        let mut request = Request {
            name: [0; libc::IFNAMSIZ],
            config: &raw mut config,
            rest: [0; 2],
        };
        // One octet stays 0: the name ends.
        request
            .name
            .iter_mut()
            .take(libc::IFNAMSIZ - 1)
            .zip(interface.as_bytes())
            .for_each(|(place, &octet)| *place = octet);
        // SAFETY: `request` has the layout and size of struct ifreq, and points to 12 octets that the kernel may write.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), SIOCSHWTSTAMP as _, &raw mut request) })
    }

    /// What poll(2) says within `timeout_ms`; 0 when nothing came.
    pub(super) fn poll(&self, timeout_ms: i32) -> io::Result<i16> {
        let mut asked = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLIN | libc::POLLERR,
            revents: 0,
        };
        // SAFETY: one pollfd, which lives through the call.
        check(unsafe { libc::poll(&raw mut asked, 1, timeout_ms) })?;
        Ok(asked.revents)
    }
}

/// The number of an interface in this network namespace.
pub(super) fn interface_index(name: &str) -> io::Result<u32> {
    let name = CString::new(name).map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))?;
    // SAFETY: a string that ends with 0 and lives through the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The ring's memory, which the kernel fills block by block.
///
/// A block belongs to the kernel or to this program, by its status. The kernel writes to a block only while the status
/// is STATUS_KERNEL, and sets STATUS_USER behind a barrier when it is done; `release` gives it back in the same way.
pub(super) struct Mapping {
    start: NonNull<u8>,
    block_octets: usize,
    blocks: usize,
}

// SAFETY: the memory is this value's alone, and the status words are only used as atomics.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps the ring that was set up on the socket with just these sizes.
    pub(super) fn new(socket: &Socket, block_octets: usize, blocks: usize) -> io::Result<Self> {
        let length = block_octets
            .checked_mul(blocks)
            .filter(|_| block_octets % 4096 == 0 && blocks > 0)
            .ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
        // SAFETY: the kernel chooses the place, and refuses a length that is not the ring's. The socket may be closed
        // before this: the mapping keeps the ring alive.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                socket.0.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start =
            NonNull::new(start.cast()).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
        Ok(Self {
            start,
            block_octets,
            blocks,
        })
    }

    /// A block from behind its status on, while it is this program's.
    pub(super) fn block(&self, index: usize) -> Option<&[u8]> {
        if self.status(index)?.load(Ordering::Acquire) & STATUS_USER == 0 {
            return None;
        }
        // SAFETY: within the mapping, since `status` knew the block. The kernel writes nothing there until `release`,
        // which needs `&mut self`, so that no slice is left then; the acquiring load saw what it wrote before.
        Some(unsafe {
            let start = self.start.add(index * self.block_octets + STATUS_END);
            std::slice::from_raw_parts(start.as_ptr(), self.block_octets - STATUS_END)
        })
    }

    /// Gives a block back to the kernel.
    pub(super) fn release(&mut self, index: usize) {
        if let Some(status) = self.status(index) {
            status.store(STATUS_KERNEL, Ordering::Release);
        }
    }

    fn status(&self, index: usize) -> Option<&AtomicU32> {
        if index >= self.blocks {
            return None;
        }
        // SAFETY: within the mapping and aligned, as blocks are whole pages; only used as an atomic.
        Some(unsafe {
            let status = self.start.add(index * self.block_octets + STATUS_AT);
            AtomicU32::from_ptr(status.as_ptr().cast())
        })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the very mapping that `new` made; slices of it do not outlive `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.block_octets * self.blocks) };
    }
}
