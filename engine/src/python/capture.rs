//! Capture files and rings. Python reads few packets itself: a meter takes them on this side.

mod frames;

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

use crate::capture::{
    self, CaptureError, CaptureFile, FileOptions, Instruction, Program, Ring, RingCounts,
    RingOptions, Trouble,
};
use crate::packets::LinkType;
use frames::{FrameRow, rows, skip, take, then_trouble};

type PyInstruction = (u16, u8, u8, u32);
/// Name, link type, snap length, dropped.
type InterfaceRow = (String, u16, u32, Option<u64>);

/// Given, received, dropped, freezes, offered, stamped by hardware, broken.
type RingRow = (u64, u64, u64, u64, Option<u64>, u64, u64);

/// A capture file.
#[pyclass(name = "CaptureFile", module = "probes.engine._native", frozen)]
pub(super) struct PyCaptureFile(Mutex<Option<CaptureFile>>);

impl PyCaptureFile {
    /// Works with the file, without the interpreter's lock; fails when it was closed.
    pub(super) fn with<T: Send>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&mut CaptureFile) -> T + Send,
    ) -> PyResult<T> {
        let done = py.detach(|| lock(&self.0).as_mut().map(act));
        done.ok_or_else(|| PyValueError::new_err("the capture file is closed"))
    }
}

#[pymethods]
impl PyCaptureFile {
    /// `filter`: a program for each link type.
    #[new]
    #[pyo3(signature = (path, follow=false, snap=0, filter=None))]
    fn new(
        py: Python<'_>,
        path: &str,
        follow: bool,
        snap: u32,
        filter: Option<Vec<(u16, Vec<PyInstruction>)>>,
    ) -> PyResult<Self> {
        let filter = filter
            .unwrap_or_default()
            .into_iter()
            .map(|(link, instructions)| Ok((LinkType(link), program(instructions)?)))
            .collect::<PyResult<_>>()?;
        let options = FileOptions {
            follow,
            snap,
            filter,
        };
        let file = py
            .detach(|| CaptureFile::open(path, options))
            .map_err(refused)?;
        Ok(Self(Mutex::new(Some(file))))
    }

    /// The next frames, `limit` at most; fewer when the file ends or nothing is there yet.
    fn frames(&self, py: Python<'_>, limit: usize) -> PyResult<Vec<FrameRow>> {
        let frames = self.with(py, |file| {
            let taken = take(file, limit);
            then_trouble(file, taken.is_empty(), taken)
        })?;
        rows(py, frames.map_err(refused)?)
    }

    /// Passes over the next packets, `limit` at most: how many there were, and their captured octets.
    fn skip(&self, py: Python<'_>, limit: u64) -> PyResult<(u64, u64)> {
        self.with(py, |file| {
            let skipped = skip(file, limit);
            then_trouble(file, skipped.0 == 0, skipped)
        })?
        .map_err(refused)
    }

    /// Octets read of the file, and its size.
    fn position(&self, py: Python<'_>) -> PyResult<(u64, Option<u64>)> {
        self.with(py, |file| file.position())
    }

    /// What the file said of its interfaces so far.
    fn interfaces(&self, py: Python<'_>) -> PyResult<Vec<InterfaceRow>> {
        self.with(py, |file| {
            file.interfaces()
                .iter()
                .map(|about| (about.name.clone(), about.link.0, about.snap, about.dropped))
                .collect()
        })
    }

    /// Packets, those that the filter kept back, those that the file says were lost.
    fn counts(&self, py: Python<'_>) -> PyResult<(u64, u64, Option<u64>)> {
        self.with(py, |file| {
            let counts = file.counts();
            (counts.packets, counts.filtered, counts.dropped)
        })
    }

    /// Whether nothing more will come.
    fn ended(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, |file| file.ended())
    }

    fn close(&self, py: Python<'_>) {
        let file = py.detach(|| lock(&self.0).take());
        drop(file);
    }
}

/// A ring on an interface.
#[pyclass(name = "Ring", module = "probes.engine._native", frozen)]
pub(super) struct PyRing(Mutex<Option<Ring>>);

impl PyRing {
    /// Works with the ring, without the interpreter's lock; fails when it was closed.
    pub(super) fn with<T: Send>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&mut Ring) -> T + Send,
    ) -> PyResult<T> {
        let done = py.detach(|| lock(&self.0).as_mut().map(act));
        done.ok_or_else(|| PyValueError::new_err("the ring is closed"))
    }
}

#[pymethods]
impl PyRing {
    /// `count` rings that share the packets of an interface, or of all.
    #[staticmethod]
    #[pyo3(signature = (interface, count=1, *, snap=0, filter=None, promiscuous=false, outgoing=false,
                        hardware_time=false, block_octets=1 << 20, blocks=64, retire_ms=20))]
    #[allow(clippy::too_many_arguments)] // By name, from Python.
    fn open(
        py: Python<'_>,
        interface: Option<String>,
        count: usize,
        snap: u32,
        filter: Option<Vec<PyInstruction>>,
        promiscuous: bool,
        outgoing: bool,
        hardware_time: bool,
        block_octets: u32,
        blocks: u32,
        retire_ms: u32,
    ) -> PyResult<Vec<Self>> {
        let options = RingOptions {
            interface,
            snap,
            filter: filter.map(program).transpose()?,
            promiscuous,
            outgoing,
            hardware_time,
            block_octets,
            blocks,
            retire_ms,
        };
        let rings = py
            .detach(|| Ring::group(&options, count))
            .map_err(refused)?;
        let rings = rings.into_iter().map(|ring| Self(Mutex::new(Some(ring))));
        Ok(rings.collect())
    }

    /// Waits until frames are there. Whether some are.
    fn wait(&self, py: Python<'_>, timeout_ms: i32) -> PyResult<bool> {
        self.with(py, |ring| ring.wait(timeout_ms))?
            .map_err(refused)
    }

    /// The next frames that are there, `limit` at most.
    fn frames(&self, py: Python<'_>, limit: usize) -> PyResult<Vec<FrameRow>> {
        let frames = self.with(py, |ring| take(ring, limit))?;
        rows(py, frames)
    }

    /// Passes over the frames that are there, `limit` at most: how many there were, and their captured octets.
    fn skip(&self, py: Python<'_>, limit: u64) -> PyResult<(u64, u64)> {
        self.with(py, |ring| skip(ring, limit))
    }

    /// Given, received, dropped, freezes, offered, stamped by hardware, broken.
    fn counts(&self, py: Python<'_>) -> PyResult<RingRow> {
        let counts: RingCounts = self.with(py, |ring| ring.counts())?.map_err(refused)?;
        Ok((
            counts.given,
            counts.received,
            counts.dropped,
            counts.freezes,
            counts.offered,
            counts.hardware_stamped,
            counts.broken,
        ))
    }

    fn close(&self, py: Python<'_>) {
        let ring = py.detach(|| lock(&self.0).take());
        drop(ring);
    }
}

/// The program that steers packets to the rings of a group.
#[pyfunction]
pub(super) fn steering() -> PyResult<Vec<PyInstruction>> {
    let program = capture::steering().map_err(PyValueError::new_err)?;
    let instructions = program.instructions().iter();
    Ok(instructions
        .map(|instruction| {
            (
                instruction.code,
                instruction.jt,
                instruction.jf,
                instruction.k,
            )
        })
        .collect())
}

fn program(instructions: Vec<PyInstruction>) -> PyResult<Program> {
    let instructions = instructions
        .into_iter()
        .map(|(code, jt, jf, k)| Instruction { code, jt, jf, k });
    Program::new(instructions.collect()).map_err(PyValueError::new_err)
}

/// OSError with the system's number where there is one, or that of what happened to an interface; else ValueError.
pub(super) fn refused(error: CaptureError) -> PyErr {
    let errno = match error.trouble {
        Trouble::NoInterface => Some(libc::ENODEV),
        Trouble::InterfaceDown => Some(libc::ENETDOWN),
        _ => error.errno,
    };
    match errno {
        Some(errno) => PyOSError::new_err((errno, error.to_string())),
        None if error.trouble == Trouble::System => PyOSError::new_err(error.to_string()),
        None => PyValueError::new_err(error.to_string()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
