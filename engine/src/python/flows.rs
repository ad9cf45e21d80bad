//! The flow meter.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::capture::{PyCaptureFile, PyRing, refused};
use super::rules::PyClassifier;
use crate::flows::{Meter, MeterSettings, Wanted};
use crate::packets::{Frame, LinkType};

/// Where frames come from.
#[derive(FromPyObject)]
enum PyCapture<'py> {
    File(Bound<'py, PyCaptureFile>),
    Ring(Bound<'py, PyRing>),
}

/// Follows the flows of one capture. The interpreter's lock is given up while it works.
#[pyclass(name = "Meter", module = "probes.engine._native", frozen)]
pub(super) struct PyMeter(Mutex<Meter>);

#[pymethods]
impl PyMeter {
    /// Settings are `MeterSettings` as JSON.
    #[new]
    fn new(py: Python<'_>, settings: &[u8]) -> PyResult<Self> {
        let settings = MeterSettings::from_json(settings).map_err(PyValueError::new_err)?;
        let meter = py.detach(|| Meter::new(settings, None));
        Ok(Self(Mutex::new(meter)))
    }

    /// Look for these rules in flows that begin from now on.
    fn set_rules(&self, py: Python<'_>, rules: &Bound<'_, PyClassifier>) {
        let rules = Arc::clone(&rules.get().0);
        py.detach(|| self.lock().set_classifier(rules));
    }

    /// Count at most `limit` frames of a capture; fewer when it ends, nothing is there yet, or there is no room for
    /// records. How many it were. OSError for what the capture refuses; what came before is counted.
    fn read(&self, py: Python<'_>, capture: PyCapture<'_>, limit: u64) -> PyResult<u64> {
        let read = match capture {
            PyCapture::File(file) => file.get().with(py, |file| self.lock().read(file, limit)),
            PyCapture::Ring(ring) => ring.get().with(py, |ring| self.lock().read(ring, limit)),
        };
        read?.map_err(refused)
    }

    /// Count one frame.
    #[pyo3(signature = (time_ns, link, octets, wire_octets, stripped_vlan=None))]
    fn observe(
        &self,
        time_ns: u64,
        link: u16,
        octets: &[u8],
        wire_octets: u32,
        stripped_vlan: Option<u16>,
    ) {
        self.lock().observe(&Frame {
            time_ns,
            wire_octets,
            link: LinkType(link),
            octets,
            stripped_vlan,
        });
    }

    /// Time goes on without a packet.
    fn advance(&self, py: Python<'_>, now_ns: u64) {
        py.detach(|| self.lock().advance(now_ns));
    }

    /// Everything left is told. False when there was no room for all of it: take, and call it again.
    fn finish(&self, py: Python<'_>) -> bool {
        py.detach(|| self.lock().finish())
    }

    /// The records that were told since this was last asked, for `fabricscope.flow.decode_records`.
    fn take<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let packed = py.detach(|| {
            let records = self.lock().take();
            Meter::pack(&records)
        });
        PyBytes::new(py, &packed)
    }

    /// Where all packets went, for `fabricscope.books.decode_books`.
    fn books<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let packed = py.detach(|| self.lock().books().to_packed());
        PyBytes::new(py, &packed)
    }

    /// The packets of flows that are still kept, as a section of pcapng (empty when there are none), and how many they
    /// are. `wanted`: keys of records, each with the first and the last time, as a MessagePack array.
    fn save_kept<'py>(
        &self,
        py: Python<'py>,
        wanted: &[u8],
    ) -> PyResult<(u64, Bound<'py, PyBytes>)> {
        let wanted: Vec<Wanted> = rmp_serde::from_slice(wanted)
            .map_err(|error| PyValueError::new_err(format!("flows to save: {error}")))?;
        let (count, section) = py.detach(|| self.lock().save_kept(&wanted));
        Ok((count, PyBytes::new(py, &section)))
    }

    /// Packets that are kept, their octets, and packets that made room for them.
    fn kept(&self, py: Python<'_>) -> (u64, u64, u64) {
        let counts = py.detach(|| self.lock().kept());
        (counts.packets, counts.octets, counts.dropped)
    }

    /// Octets that a flow costs while it goes on, and what one of TCP costs beside that.
    #[staticmethod]
    fn flow_octets() -> (usize, usize) {
        Meter::FLOW_OCTETS
    }
}

impl PyMeter {
    /// A panic in here leaves nothing half done, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, Meter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
