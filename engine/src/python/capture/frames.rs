//! Frames as Python has them.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::capture::{CaptureError, CaptureFile, Source};
use crate::packets::{Frame, LinkType};

/// ns since 1970, octets on the wire, link type, octets, VLAN that the kernel took off.
pub(super) type FrameRow = (u64, u32, u16, Py<PyBytes>, Option<u16>);

/// A frame that no longer borrows what it was read from.
pub(super) struct Taken {
    time_ns: u64,
    wire_octets: u32,
    link: LinkType,
    octets: Vec<u8>,
    vlan: Option<u16>,
}

impl From<Frame<'_>> for Taken {
    fn from(frame: Frame<'_>) -> Self {
        Self {
            time_ns: frame.time_ns,
            wire_octets: frame.wire_octets,
            link: frame.link,
            octets: frame.octets.to_vec(),
            vlan: frame.stripped_vlan,
        }
    }
}

pub(super) fn take(source: &mut impl Source, limit: usize) -> Vec<Taken> {
    let mut taken = Vec::new();
    while taken.len() < limit {
        let Ok(Some(frame)) = source.next() else {
            break;
        };
        taken.push(frame.into());
    }
    taken
}

pub(super) fn skip(source: &mut impl Source, limit: u64) -> (u64, u64) {
    let (mut packets, mut octets) = (0, 0);
    while packets < limit {
        let Ok(Some(frame)) = source.next() else {
            break;
        };
        packets += 1;
        octets += frame.octets.len() as u64;
    }
    (packets, octets)
}

/// What was read before an error is given first; when there is no more, the error.
pub(super) fn then_trouble<T>(
    file: &CaptureFile,
    empty: bool,
    found: T,
) -> Result<T, CaptureError> {
    match file.trouble() {
        Some(error) if empty => Err(error.clone()),
        _ => Ok(found),
    }
}

pub(super) fn rows(py: Python<'_>, taken: Vec<Taken>) -> PyResult<Vec<FrameRow>> {
    Ok(taken
        .into_iter()
        .map(|frame| {
            let octets = PyBytes::new(py, &frame.octets).unbind();
            (
                frame.time_ns,
                frame.wire_octets,
                frame.link.0,
                octets,
                frame.vlan,
            )
        })
        .collect())
}
