//! The octets of a capture, unpacked: from a file, a growing file or a pipe; plain, gzip or zstd by what it begins with.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;

use super::gzip::{self, Gzip};
use super::zstd::{self, Zstd};
use super::{CaptureError, Trouble};

/// Packed octets that are kept: a zstd block of 128 KiB has to fit with its header.
const PACKED: usize = 256 << 10;

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    Octets(usize),
    NothingYet,
    End,
}

enum Packing {
    Undecided,
    Plain,
    Gzip(Box<Gzip>),
    Zstd(Box<Zstd>),
}

pub(super) struct Stream {
    name: String,
    reader: Box<dyn Read + Send>,
    /// The same file when it is one, to ask for its size.
    file: Option<File>,
    follow: bool,
    packing: Packing,
    packed: Vec<u8>,
    start: usize,
    end: usize,
    taken: u64,
}

impl Stream {
    pub(super) fn open(path: &str, follow: bool) -> Result<Self, CaptureError> {
        if path == "-" {
            return Ok(Self::new("standard input", Box::new(io::stdin()), follow));
        }
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        let (about, file) = opened.map_err(|error| {
            let remedy = match error.kind() {
                ErrorKind::NotFound => "give the path of a capture file, or - for standard input",
                ErrorKind::PermissionDenied => "let this user read it",
                _ => "",
            };
            CaptureError::system(path, "cannot be opened", &error, remedy)
        })?;
        if about.is_dir() {
            return Err(CaptureError::new(
                Trouble::Settings,
                format!("{path} is a directory; give the capture files in it"),
            ));
        }
        let kind = about.file_type();
        let regular = about.is_file() && !kind.is_fifo();
        let size_of = if regular { file.try_clone().ok() } else { None };
        let mut stream = Self::new(path, Box::new(file), follow && regular);
        stream.file = size_of;
        Ok(stream)
    }

    pub(super) fn new(name: &str, reader: Box<dyn Read + Send>, follow: bool) -> Self {
        Self {
            name: name.to_string(),
            reader,
            file: None,
            follow,
            packing: Packing::Undecided,
            packed: Vec::new(),
            start: 0,
            end: 0,
            taken: 0,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Octets read of the file, packed as they are there.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Octets that the file has at this moment; None for a pipe.
    pub(super) fn size(&self) -> Option<u64> {
        Some(self.file.as_ref()?.metadata().ok()?.len())
    }

    /// Unpacked octets into `room`, which is not empty.
    pub(super) fn read(&mut self, room: &mut [u8]) -> Result<Got, CaptureError> {
        loop {
            let input = self.packed.get(self.start..self.end).unwrap_or_default();
            let step = match &mut self.packing {
                Packing::Undecided => match input.first_chunk::<4>() {
                    Some(first) => {
                        self.packing = if first.starts_with(&gzip::MAGIC) {
                            Packing::Gzip(Box::new(Gzip::new()))
                        } else if zstd::begins(first) {
                            Packing::Zstd(Box::new(Zstd::new()))
                        } else {
                            Packing::Plain
                        };
                        continue;
                    }
                    None => Ok(gzip::Step { used: 0, made: 0 }),
                },
                Packing::Plain if input.is_empty() => {
                    self.packed = Vec::new();
                    return self.take(room);
                }
                Packing::Plain => {
                    let count = input.len().min(room.len());
                    room.iter_mut()
                        .zip(input)
                        .for_each(|(place, &octet)| *place = octet);
                    Ok(gzip::Step {
                        used: count,
                        made: count,
                    })
                }
                Packing::Gzip(gzip) => gzip.unpack(input, room),
                Packing::Zstd(zstd) => zstd.unpack(input, room),
            };
            let step = step.map_err(|what| {
                let at = self.taken.saturating_sub((self.end - self.start) as u64);
                CaptureError::new(
                    Trouble::Damaged,
                    format!(
                        "{}: damaged near octet {at} of the packed file: {what}",
                        self.name
                    ),
                )
            })?;
            self.start += step.used;
            if step.made > 0 {
                return Ok(Got::Octets(step.made));
            }
            match self.refill()? {
                Got::Octets(_) => {}
                Got::NothingYet => return Ok(Got::NothingYet),
                Got::End => return self.ended(),
            }
        }
    }

    /// No more octets come.
    fn ended(&mut self) -> Result<Got, CaptureError> {
        let complete = match &self.packing {
            Packing::Undecided if self.start < self.end => {
                // Too short to be anything; let whoever reads it say so.
                self.packing = Packing::Plain;
                return Ok(Got::Octets(0));
            }
            Packing::Undecided | Packing::Plain => true,
            Packing::Gzip(gzip) => gzip.complete() && self.start == self.end,
            Packing::Zstd(zstd) => zstd.complete() && self.start == self.end,
        };
        if complete {
            return Ok(Got::End);
        }
        Err(CaptureError::new(
            Trouble::Truncated,
            format!(
                "{}: the packed file ends early, after {} octets; what was whole before that was read",
                self.name, self.taken
            ),
        ))
    }

    fn refill(&mut self) -> Result<Got, CaptureError> {
        let mut packed = std::mem::take(&mut self.packed);
        packed.resize(PACKED, 0);
        packed.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let got = self.take(packed.get_mut(self.end..).unwrap_or_default());
        self.packed = packed;
        if let Ok(Got::Octets(count)) = got {
            self.end += count;
        }
        got
    }

    /// Reads the file itself.
    fn take(&mut self, room: &mut [u8]) -> Result<Got, CaptureError> {
        match self.reader.read(room) {
            Ok(0) if !self.follow => Ok(Got::End),
            Ok(0) => match self.size() {
                Some(size) if size < self.taken => Err(CaptureError::new(
                    Trouble::Damaged,
                    format!(
                        "{}: became shorter, from {} to {size} octets; open it again to read what is in it now",
                        self.name, self.taken
                    ),
                )),
                _ => Ok(Got::NothingYet),
            },
            Ok(count) => {
                self.taken += count as u64;
                Ok(Got::Octets(count))
            }
            // Somebody interrupted the wait, and may want to stop.
            Err(error)
                if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) =>
            {
                Ok(Got::NothingYet)
            }
            Err(error) => Err(CaptureError::system(
                &self.name,
                &format!("cannot be read at octet {}", self.taken),
                &error,
                "",
            )),
        }
    }
}
