//! The thread that reads counters every few milliseconds.
//!
//! `probes/engine/fast.py` is the specification.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::counters::{CounterFile, Outcome};
use crate::fold::{Folder, Window};
use crate::ring::{Layout, StepRing};
use crate::statistics::Statistics;
use crate::table::Table;

/// How long `close` waits for the thread: a read that hangs is left alone.
const END: Duration = Duration::from_millis(500);
/// No group is being read.
const IDLE: u64 = u64::MAX;

/// Where a channel's count is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// In a file that holds one number.
    File(PathBuf),
    /// In a table of interfaces such as /proc/net/dev.
    Cell {
        /// The table.
        path: PathBuf,
        /// The name that its line begins with.
        line: String,
        /// Which number of the line, from 0.
        column: usize,
    },
    /// Among the statistics of an interface, which had `count` when the index was found.
    Statistic {
        /// The interface's name.
        interface: String,
        /// Which statistic.
        index: usize,
        /// How many there were.
        count: usize,
    },
}

/// What is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Channel {
    /// Width of the counter.
    pub bits: u32,
    /// Where it is.
    pub place: Place,
}

/// A ring that several readers write to.
pub type SharedRing = Arc<Mutex<StepRing>>;

/// Reads groups of channels every period, until it is closed.
pub struct FastReader {
    shared: Arc<Shared>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

/// What the thread and its owner both use.
struct Shared {
    folder: Mutex<Folder>,
    state: Mutex<State>,
    changed: Condvar,
    /// The group that is being read, and since when.
    group: AtomicU64,
    since: AtomicU64,
}

#[derive(Default)]
struct State {
    stop: bool,
    ended: bool,
}

impl FastReader {
    /// `mono` is the monotonic clock now, in ns. The error says which channel, layout or period cannot be.
    pub fn new(
        groups: Vec<Vec<Channel>>,
        period_ns: u64,
        ring: SharedRing,
        layout: Layout,
        mono: u64,
    ) -> Result<Self, String> {
        let anchor = (Instant::now(), mono);
        let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
        let bits: Vec<u32> = groups
            .iter()
            .flatten()
            .map(|channel| channel.bits)
            .collect();
        let folder = Folder::new(&sizes, &bits, period_ns, mono)?;
        let groups = groups
            .into_iter()
            .map(sources)
            .collect::<Result<Vec<_>, _>>()?;
        lock(&ring)
            .begin(layout, &sizes)
            .map_err(|misfit| misfit.to_string())?;
        let shared = Arc::new(Shared {
            folder: Mutex::new(folder),
            state: Mutex::default(),
            changed: Condvar::new(),
            group: AtomicU64::new(IDLE),
            since: AtomicU64::new(0),
        });
        let worker = Worker {
            shared: Arc::clone(&shared),
            groups,
            ring,
            layout,
            anchor,
            answers: Vec::new(),
            values: Vec::new(),
        };
        let thread = thread::Builder::new()
            .name("fast-reader".into())
            .spawn(move || worker.run())
            .map_err(|error| format!("no thread: {error}"))?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// At which rate a burst begins, and below which it ends; 0: none are counted. Whether there is such a channel.
    pub fn set_levels(&self, channel: usize, burst: u64, calm: u64) -> bool {
        lock(&self.shared.folder).set_levels(channel, burst, calm)
    }

    /// Reads a group in every `multiple`-th tick alone. Whether there is such a group.
    pub fn set_multiple(&self, group: usize, multiple: u64) -> bool {
        lock(&self.shared.folder).set_multiple(group, multiple)
    }

    /// The windows that ended since this was last asked, oldest first.
    pub fn take(&self) -> Vec<Window> {
        lock(&self.shared.folder).take()
    }

    /// The group that is being read, and since when (monotonic ns).
    pub fn reading(&self) -> Option<(u64, u64)> {
        let since = self.shared.since.load(Ordering::Acquire);
        let group = self.shared.group.load(Ordering::Acquire);
        (group != IDLE).then_some((group, since))
    }

    /// Whether the thread is there: also for a while after `close`, when a read hangs.
    pub fn alive(&self) -> bool {
        let thread = lock(&self.thread);
        thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Ends the thread, and closes what it reads. False when it did not end within half a second: a read hangs.
    pub fn close(&self) -> bool {
        let mut state = lock(&self.shared.state);
        state.stop = true;
        self.shared.changed.notify_all();
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, END, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        let ended = state.ended;
        drop(state);
        if ended && let Some(thread) = lock(&self.thread).take() {
            // It has nothing left to do; a panic in it has been told on stderr.
            let _ = thread.join();
        }
        ended
    }
}

impl Drop for FastReader {
    fn drop(&mut self) {
        // Not waited for: it ends after its present read.
        lock(&self.shared.state).stop = true;
        self.shared.changed.notify_all();
    }
}

/// What one call to the kernel reads.
enum Source {
    File(CounterFile),
    Table(Table),
    Statistics(Statistics),
}

/// When a channel was read, and what came of it.
struct Answer {
    at: u64,
    value: Option<u64>,
    gone: bool,
}

struct Worker {
    shared: Arc<Shared>,
    groups: Vec<Vec<Source>>,
    ring: SharedRing,
    layout: Layout,
    /// The same moment on both clocks: `Instant` does not tell its own.
    anchor: (Instant, u64),
    answers: Vec<Answer>,
    values: Vec<Option<u64>>,
}

impl Worker {
    fn run(mut self) {
        while self.waits() {
            lock(&self.shared.folder).tick(mono(self.anchor));
            for group in 0..self.groups.len() {
                if lock(&self.shared.folder).turn(group) {
                    self.read(group);
                }
            }
        }
    }

    /// Waits until the next tick is due. False when there is to be none.
    fn waits(&self) -> bool {
        let due = lock(&self.shared.folder).due();
        let mut state = lock(&self.shared.state);
        while !state.stop {
            let left = due.saturating_sub(mono(self.anchor));
            if left == 0 {
                return true;
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, Duration::from_nanos(left))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        false
    }

    fn read(&mut self, group: usize) {
        let began = mono(self.anchor);
        self.shared.since.store(began, Ordering::Release);
        self.shared.group.store(group as u64, Ordering::Release);
        self.answers.clear();
        let mut before = began;
        for source in &mut self.groups[group] {
            let first = self.answers.len();
            source.read(&mut self.answers);
            let after = mono(self.anchor);
            for answer in &mut self.answers[first..] {
                // The kernel took the value somewhere between.
                answer.at = before + (after - before) / 2;
            }
            before = after;
        }
        self.shared.group.store(IDLE, Ordering::Release);
        let mut folder = lock(&self.shared.folder);
        folder.read(group, before - began);
        for (channel, answer) in (folder.first(group)..).zip(&self.answers) {
            match answer.value {
                Some(value) => folder.value(channel, answer.at, value),
                None => folder.failed(channel, answer.gone),
            }
        }
        drop(folder);
        self.values.clear();
        self.values
            .extend(self.answers.iter().map(|answer| answer.value));
        // The layout was begun with these groups; when somebody ended it, nothing is kept.
        let _ = lock(&self.ring).record(self.layout, group, began, &self.values);
    }
}

impl Drop for Worker {
    /// Also after a panic: who waits for the end is told of it.
    fn drop(&mut self) {
        self.groups.clear();
        lock(&self.ring).end(self.layout);
        lock(&self.shared.state).ended = true;
        self.shared.changed.notify_all();
    }
}

impl Source {
    /// Adds an answer for each channel; when is not known here.
    fn read(&mut self, answers: &mut Vec<Answer>) {
        let mut answer = |value, gone| {
            answers.push(Answer { at: 0, value, gone });
        };
        match self {
            Source::File(file) => match file.read() {
                Outcome::Value(value) => answer(Some(value), false),
                Outcome::NotANumber(_) => answer(None, false),
                Outcome::Failed(errno) => answer(None, is_gone(errno)),
            },
            Source::Table(table) => {
                let count = table.len();
                match table.read() {
                    // An interface without a line is gone.
                    Ok(values) => values
                        .iter()
                        .for_each(|&value| answer(value, value.is_none())),
                    Err(errno) => (0..count).for_each(|_| answer(None, is_gone(errno))),
                }
            }
            Source::Statistics(statistics) => {
                let count = statistics.len();
                match statistics.read() {
                    Ok(values) => values.for_each(|value| answer(Some(value), false)),
                    Err(errno) => (0..count).for_each(|_| answer(None, is_gone(errno))),
                }
            }
        }
    }
}

/// Whether an error says that the device is not there, or is another one.
fn is_gone(errno: i32) -> bool {
    matches!(
        errno,
        libc::ENODEV | libc::ENOENT | libc::ENXIO | libc::EBADF | libc::ESTALE | libc::EBADMSG
    )
}

/// What to read for these channels: neighbours of one interface's statistics, or of one table, come in one call.
fn sources(channels: Vec<Channel>) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    let mut channels = channels.into_iter().map(|channel| channel.place).peekable();
    while let Some(place) = channels.next() {
        sources.push(match place {
            Place::File(path) => {
                if path.as_os_str().as_encoded_bytes().contains(&0) {
                    return Err("embedded null byte".into());
                }
                Source::File(CounterFile::new(path))
            }
            Place::Cell { path, line, column } => {
                let mut cells = vec![(line, column)];
                while let Some(Place::Cell { line, column, .. }) = channels.next_if(
                    |next| matches!(next, Place::Cell { path: other, .. } if *other == path),
                ) {
                    cells.push((line, column));
                }
                Source::Table(Table::new(path, cells)?)
            }
            Place::Statistic {
                interface,
                index,
                count,
            } => {
                let mut indexes = vec![index];
                while let Some(Place::Statistic { index, .. }) = channels.next_if(|next| {
                    matches!(next, Place::Statistic { interface: other, count: same, .. }
                        if *other == interface && *same == count)
                }) {
                    indexes.push(index);
                }
                Source::Statistics(Statistics::new(&interface, indexes, count)?)
            }
        });
    }
    Ok(sources)
}

/// The monotonic clock now, in ns.
fn mono(anchor: (Instant, u64)) -> u64 {
    let elapsed = u64::try_from(anchor.0.elapsed().as_nanos()).unwrap_or(u64::MAX);
    anchor.1.saturating_add(elapsed)
}

/// Nothing is left half done by a panic in here, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::decode;
    use std::fs;

    fn file(path: &std::path::Path) -> Channel {
        Channel {
            bits: 64,
            place: Place::File(path.into()),
        }
    }

    #[test]
    fn reads_until_it_is_closed() {
        let folder = std::env::temp_dir().join(format!("fabricscope-fast-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("rx_bytes");
        fs::write(&path, "7\n").unwrap();
        let ring = SharedRing::new(Mutex::new(StepRing::new(1 << 20)));
        let groups = vec![vec![file(&path), file(&folder.join("absent"))]];
        let reader = FastReader::new(groups, 1_000_000, Arc::clone(&ring), 3, 0).unwrap();
        assert!(reader.set_levels(1, 9, 5));
        assert!(!reader.set_levels(2, 9, 5));
        assert!(reader.set_multiple(0, 2));
        let rows = loop {
            let blocks = lock(&ring).freeze();
            let rows: Vec<_> = blocks
                .iter()
                .flat_map(|block| decode(&block.octets).unwrap())
                .collect();
            if rows.len() >= 3 {
                break rows;
            }
            thread::yield_now();
        };
        assert!(rows.iter().all(|row| row.values == [Some(7), None]));
        assert!(reader.alive());
        assert!(reader.close());
        assert!(!reader.alive());
        assert!(reader.close());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn neighbours_of_one_interface_are_read_together() {
        let statistic = |interface: &str, index| Channel {
            bits: 64,
            place: Place::Statistic {
                interface: interface.into(),
                index,
                count: 9,
            },
        };
        let cell = |path: &str, line: &str| Channel {
            bits: 64,
            place: Place::Cell {
                path: path.into(),
                line: line.into(),
                column: 1,
            },
        };
        let found = sources(vec![cell("t", "x"), cell("t", "y"), cell("u", "x")]);
        assert_eq!(found.unwrap().len(), 2);
        let found = sources(vec![
            statistic("a", 1),
            statistic("a", 3),
            statistic("b", 1),
            file("x".as_ref()),
            statistic("b", 2),
        ]);
        assert_eq!(found.unwrap().len(), 4);
        assert!(sources(vec![statistic("a", 9)]).is_err());
        assert!(sources(vec![file("a\0b".as_ref())]).is_err());
    }
}
