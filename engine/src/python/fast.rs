//! The fast reader, what it folds steps into, and where it keeps them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::blocks;
use crate::fast::{Channel, FastReader, Place, SharedRing};
use crate::fold::{Folder, Window};
use crate::ring::StepRing;

type GroupRow = (u64, u64, u64);
type ChannelRow = (u64, f64, f64, u64, u64, u64, u64, u64);
type WindowRow = (
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    Vec<GroupRow>,
    Vec<ChannelRow>,
);
type FrozenRow = (u64, u64, u64, Py<PyBytes>);
type StepRow = (u64, usize, Vec<Option<u64>>);

/// A channel as Python has it.
#[derive(FromPyObject)]
enum PyChannel {
    #[pyo3(transparent)]
    File((u32, PathBuf)),
    #[pyo3(transparent)]
    Statistic((u32, String, usize, usize)),
    #[pyo3(transparent)]
    Cell((u32, PathBuf, String, usize)),
}

impl From<PyChannel> for Channel {
    fn from(channel: PyChannel) -> Self {
        let (bits, place) = match channel {
            PyChannel::File((bits, path)) => (bits, Place::File(path)),
            PyChannel::Statistic((bits, interface, index, count)) => {
                let place = Place::Statistic {
                    interface,
                    index,
                    count,
                };
                (bits, place)
            }
            PyChannel::Cell((bits, path, line, column)) => {
                (bits, Place::Cell { path, line, column })
            }
        };
        Channel { bits, place }
    }
}

/// Blocks of several readers, bounded in octets.
#[pyclass(name = "StepRing", module = "probes.engine._native", frozen)]
pub(super) struct PyStepRing(SharedRing);

#[pymethods]
impl PyStepRing {
    #[new]
    fn new(max_octets: usize) -> Self {
        Self(Arc::new(Mutex::new(StepRing::new(max_octets))))
    }

    /// Take readings of a layout from now on.
    fn begin(&self, py: Python<'_>, layout: u64, sizes: Vec<usize>) -> PyResult<()> {
        py.detach(|| lock(&self.0).begin(layout, &sizes))
            .map_err(refused)
    }

    /// What the channels of a group read.
    fn record(
        &self,
        py: Python<'_>,
        layout: u64,
        group: usize,
        mono: u64,
        values: Vec<Option<u64>>,
    ) -> PyResult<()> {
        py.detach(|| lock(&self.0).record(layout, group, mono, &values))
            .map_err(refused)
    }

    /// No more readings of a layout will come.
    fn end(&self, py: Python<'_>, layout: u64) {
        py.detach(|| lock(&self.0).end(layout));
    }

    /// Every block, oldest first, those under way last.
    fn freeze(&self, py: Python<'_>) -> Vec<FrozenRow> {
        let blocks = py.detach(|| lock(&self.0).freeze());
        blocks
            .into_iter()
            .map(|block| {
                let octets = PyBytes::new(py, &block.octets).unbind();
                (block.layout, block.start, block.end, octets)
            })
            .collect()
    }

    /// What is kept, in octets.
    fn octets(&self, py: Python<'_>) -> usize {
        py.detach(|| lock(&self.0).octets())
    }

    /// When the oldest reading was taken.
    fn oldest(&self, py: Python<'_>) -> Option<u64> {
        py.detach(|| lock(&self.0).oldest())
    }

    /// Blocks that had to go.
    fn dropped(&self, py: Python<'_>) -> u64 {
        py.detach(|| lock(&self.0).dropped())
    }
}

/// Reads groups of channels every period, until it is closed.
#[pyclass(name = "FastReader", module = "probes.engine._native", frozen)]
pub(super) struct PyFastReader(FastReader);

#[pymethods]
impl PyFastReader {
    #[new]
    fn new(
        groups: Vec<Vec<PyChannel>>,
        period_ns: u64,
        ring: &PyStepRing,
        layout: u64,
        mono: u64,
    ) -> PyResult<Self> {
        let groups = groups
            .into_iter()
            .map(|channels| channels.into_iter().map(Channel::from).collect())
            .collect();
        FastReader::new(groups, period_ns, Arc::clone(&ring.0), layout, mono)
            .map(Self)
            .map_err(refused)
    }

    /// At which rate a burst begins, and below which it ends.
    fn set_levels(&self, py: Python<'_>, channel: usize, burst: u64, calm: u64) -> PyResult<()> {
        there(py.detach(|| self.0.set_levels(channel, burst, calm)))
    }

    /// Read a group in every `multiple`-th tick alone.
    fn set_multiple(&self, py: Python<'_>, group: usize, multiple: u64) -> PyResult<()> {
        there(py.detach(|| self.0.set_multiple(group, multiple)))
    }

    /// The windows that ended since this was last asked.
    fn take(&self, py: Python<'_>) -> Vec<WindowRow> {
        py.detach(|| rows(self.0.take()))
    }

    /// The group that is being read, and since when.
    fn reading(&self) -> Option<(u64, u64)> {
        self.0.reading()
    }

    /// Whether the thread is there.
    fn alive(&self, py: Python<'_>) -> bool {
        py.detach(|| self.0.alive())
    }

    /// End the thread. False when it did not end within half a second.
    fn close(&self, py: Python<'_>) -> bool {
        py.detach(|| self.0.close())
    }
}

/// What the reader folds steps with; time is an argument.
#[pyclass(name = "Folder", module = "probes.engine._native", frozen)]
pub(super) struct PyFolder(Mutex<Folder>);

impl PyFolder {
    /// The folder, when it has this group.
    fn with_group(&self, group: usize) -> PyResult<MutexGuard<'_, Folder>> {
        let folder = lock(&self.0);
        there(group < folder.groups())?;
        Ok(folder)
    }

    /// The folder, when it has this channel.
    fn with_channel(&self, channel: usize) -> PyResult<MutexGuard<'_, Folder>> {
        let folder = lock(&self.0);
        there(channel < folder.channels())?;
        Ok(folder)
    }
}

#[pymethods]
impl PyFolder {
    #[new]
    fn new(sizes: Vec<usize>, bits: Vec<u32>, period_ns: u64, start: u64) -> PyResult<Self> {
        Folder::new(&sizes, &bits, period_ns, start)
            .map(|folder| Self(Mutex::new(folder)))
            .map_err(refused)
    }

    /// When the next tick is due.
    fn due(&self) -> u64 {
        lock(&self.0).due()
    }

    /// A tick begins.
    fn tick(&self, mono: u64) {
        lock(&self.0).tick(mono);
    }

    /// Whether a group is to be read in this tick.
    fn turn(&self, group: usize) -> PyResult<bool> {
        Ok(self.with_group(group)?.turn(group))
    }

    /// A group was read.
    fn read(&self, group: usize, took_ns: u64) -> PyResult<()> {
        self.with_group(group)?.read(group, took_ns);
        Ok(())
    }

    /// A channel's counter stood at `value`.
    fn value(&self, channel: usize, mono: u64, value: u64) -> PyResult<()> {
        self.with_channel(channel)?.value(channel, mono, value);
        Ok(())
    }

    /// A channel had no value.
    fn failed(&self, channel: usize, gone: bool) -> PyResult<()> {
        self.with_channel(channel)?.failed(channel, gone);
        Ok(())
    }

    /// At which rate a burst begins, and below which it ends.
    fn set_levels(&self, channel: usize, burst: u64, calm: u64) -> PyResult<()> {
        there(lock(&self.0).set_levels(channel, burst, calm))
    }

    /// Read a group in every `multiple`-th tick alone.
    fn set_multiple(&self, group: usize, multiple: u64) -> PyResult<()> {
        there(lock(&self.0).set_multiple(group, multiple))
    }

    /// The windows that ended since this was last asked.
    fn take(&self) -> Vec<WindowRow> {
        rows(lock(&self.0).take())
    }
}

/// The readings in a block.
#[pyfunction]
pub(super) fn decode_block(py: Python<'_>, block: &[u8]) -> PyResult<Vec<StepRow>> {
    let rows = py.detach(|| blocks::decode(block)).map_err(refused)?;
    Ok(rows
        .into_iter()
        .map(|row| (row.time, row.group, row.values))
        .collect())
}

fn rows(windows: Vec<Window>) -> Vec<WindowRow> {
    windows.into_iter().map(row).collect()
}

fn row(window: Window) -> WindowRow {
    let groups = window.groups.iter();
    let channels = window.channels.iter();
    (
        window.start_ns,
        window.end_ns,
        window.ticks,
        window.missed,
        window.dropped,
        window.late_max_ns,
        window.late_p99_ns,
        groups
            .map(|group| (group.reads, group.total_ns, group.max_ns))
            .collect(),
        channels
            .map(|channel| {
                (
                    channel.increase,
                    channel.max_rate,
                    channel.p99_rate,
                    channel.above_ns,
                    channel.bursts,
                    channel.steps,
                    channel.unknown,
                    channel.errors,
                )
            })
            .collect(),
    )
}

fn there(found: bool) -> PyResult<()> {
    found
        .then_some(())
        .ok_or_else(|| PyIndexError::new_err("no such channel or group"))
}

fn refused(reason: impl ToString) -> PyErr {
    PyValueError::new_err(reason.to_string())
}

/// A panic in here leaves nothing half done, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
