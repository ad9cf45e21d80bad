//! The flow meter.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::flows::{Meter, MeterSettings};
use crate::packets::{Frame, LinkType};
use crate::rules::Classifier;

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

    /// Look for these rules in flows that begin from now on. ValueError leaves the old ones.
    fn set_rules(&self, py: Python<'_>, rules: &[u8]) -> PyResult<()> {
        py.detach(|| {
            let rules = Arc::new(Classifier::from_json(rules)?);
            self.lock().set_classifier(rules);
            Ok(())
        })
        .map_err(|error: String| PyValueError::new_err(error))
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
