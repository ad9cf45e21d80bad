//! Frames out of a capture file.

use std::io::Read;

use super::interface::Interface;
use super::octets::Order::Little;
use super::pcap::{self, Next, Pcap, Record};
use super::pcapng::{self, Pcapng};
use super::program::{Context, Program};
use super::stream::Stream;
use super::window::{Have, Window};
use super::zstd::hexadecimal;
use super::{CaptureError, Source, Trouble};
use crate::packets::{Frame, LinkType};

/// How a file is read.
#[derive(Clone, Debug, Default)]
pub struct FileOptions {
    /// Wait for more at the end of a file that is still being written.
    pub follow: bool,
    /// Octets of each packet that are given at most; 0 for all.
    pub snap: u32,
    /// Which packets are given, for each link type; none at all: every packet. Where programs are given, a link type
    /// without one has no packet that passes.
    pub filter: Vec<(LinkType, Program)>,
}

/// What became of the packets of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// Packets in it so far.
    pub packets: u64,
    /// Of them, those that the filter kept back.
    pub filtered: u64,
    /// Packets that the file says were lost when it was written; None when it says nothing.
    pub dropped: Option<u64>,
}

enum Format {
    Unknown,
    Pcap(Pcap, Interface),
    Pcapng(Pcapng),
}

/// A capture file of any kind that is known here: pcap or pcapng, plain or packed, growing or not; `-` is standard
/// input. After an error it is at its end.
pub struct CaptureFile {
    window: Window,
    format: Format,
    options: FileOptions,
    counts: FileCounts,
    ended: bool,
    trouble: Option<CaptureError>,
}

impl CaptureFile {
    /// Opens it. Of a file that grows nothing needs to be there yet.
    pub fn open(path: &str, options: FileOptions) -> Result<Self, CaptureError> {
        let stream = Stream::open(path, options.follow)?;
        Ok(Self::over(stream, options))
    }

    /// Reads what somebody else opened. `name` is what errors call it.
    pub fn from_reader(name: &str, reader: Box<dyn Read + Send>, options: FileOptions) -> Self {
        let stream = Stream::new(name, reader, options.follow);
        Self::over(stream, options)
    }

    fn over(stream: Stream, options: FileOptions) -> Self {
        Self {
            window: Window::new(stream),
            format: Format::Unknown,
            options,
            counts: FileCounts::default(),
            ended: false,
            trouble: None,
        }
    }

    /// Octets read of the file (packed as they are there), and its size at this moment; None for a pipe.
    pub fn position(&self) -> (u64, Option<u64>) {
        let stream = self.window.stream();
        (stream.taken(), stream.size())
    }

    /// What the file said of its interfaces so far, of all sections.
    pub fn interfaces(&self) -> &[Interface] {
        match &self.format {
            Format::Unknown => &[],
            Format::Pcap(_, interface) => std::slice::from_ref(interface),
            Format::Pcapng(pcapng) => pcapng.interfaces(),
        }
    }

    /// What became of the packets so far.
    pub fn counts(&self) -> FileCounts {
        let lost = self.interfaces().iter().filter_map(|about| about.dropped);
        FileCounts {
            dropped: lost.reduce(u64::saturating_add),
            ..self.counts
        }
    }

    /// Whether nothing more will come.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The error that ended it, which `next` has told of once.
    pub fn trouble(&self) -> Option<&CaptureError> {
        self.trouble.as_ref()
    }

    fn record(&mut self) -> Result<Next, CaptureError> {
        loop {
            match &mut self.format {
                Format::Pcap(pcap, _) => return pcap.next(&mut self.window),
                Format::Pcapng(pcapng) => return pcapng.next(&mut self.window),
                Format::Unknown => {}
            }
            if !self.recognise()? {
                return Ok(Next::NotYet);
            }
        }
    }

    /// Looks at how the capture begins. Whether that is there yet.
    fn recognise(&mut self) -> Result<bool, CaptureError> {
        match self.window.need(4)? {
            Have::Yes => {}
            Have::NotYet => return Ok(false),
            Have::End(0) => {
                let message = format!("{}: is empty; a capture begins with a header", self.name());
                return Err(CaptureError::new(Trouble::Truncated, message));
            }
            Have::End(_) => return Err(self.unknown()),
        }
        if Little.u32(self.window.octets(), 0) == Some(pcapng::SECTION) {
            self.format = Format::Pcapng(Pcapng::new());
            return Ok(true);
        }
        if !Pcap::begins(self.window.octets()) {
            return Err(self.unknown());
        }
        match self.window.need(pcap::HEADER)? {
            Have::Yes => {}
            Have::NotYet => return Ok(false),
            Have::End(left) => {
                let needed = pcap::HEADER as u64;
                return Err(self.window.truncated("file header", needed, left));
            }
        }
        let pcap = Pcap::parse(self.window.octets()).map_err(|what| self.window.damaged(&what))?;
        let interface = Interface::plain(pcap.link, pcap.snap);
        self.window.pass(pcap::HEADER);
        self.format = Format::Pcap(pcap, interface);
        Ok(true)
    }

    fn name(&self) -> &str {
        self.window.stream().name()
    }

    fn unknown(&self) -> CaptureError {
        CaptureError::new(
            Trouble::UnknownFormat,
            format!(
                "{}: begins with {}, which is neither pcap nor pcapng, gzip or zstd; `editcap -F pcapng` converts other \
                 captures",
                self.name(),
                hexadecimal(self.window.octets())
            ),
        )
    }

    /// The next packet that passes the filter.
    fn passing(&mut self) -> Result<Option<Record>, CaptureError> {
        loop {
            if self.ended {
                return Ok(None);
            }
            let mut record = match self.record() {
                Ok(Next::Packet(record)) => record,
                Ok(Next::NotYet) => return Ok(None),
                Ok(Next::End) => {
                    self.ended = true;
                    return Ok(None);
                }
                Err(error) => {
                    self.ended = true;
                    self.trouble = Some(error.clone());
                    return Err(error);
                }
            };
            self.counts.packets += 1;
            if !self.options.filter.is_empty() {
                let octets = self.window.passed(record.place, record.captured);
                let mut programs = self.options.filter.iter();
                let taken = programs
                    .find(|(link, _)| *link == record.link)
                    .map_or(0, |(_, program)| {
                        program.run(&Context::plain(octets, record.wire_octets))
                    });
                if taken == 0 {
                    self.counts.filtered += 1;
                    continue;
                }
                record.captured = record.captured.min(taken as usize);
            }
            if self.options.snap > 0 {
                record.captured = record.captured.min(self.options.snap as usize);
            }
            return Ok(Some(record));
        }
    }
}

impl Source for CaptureFile {
    fn next(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        Ok(self.passing()?.map(|record| Frame {
            time_ns: record.time_ns,
            wire_octets: record.wire_octets,
            link: record.link,
            octets: self.window.passed(record.place, record.captured),
            stripped_vlan: None,
        }))
    }
}

#[cfg(test)]
mod tests;
