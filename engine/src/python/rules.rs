//! Rules, asked of payloads by hand.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::packets::{Family, RdmaLink, TunnelKind};
use crate::rules::{self, Classifier, FlowFacts, extract};

/// Rules in force; one that is made anew takes the place of the old one.
#[pyclass(name = "Classifier", module = "probes.engine._native", frozen)]
pub(super) struct PyClassifier(pub(super) Arc<Classifier>);

#[pymethods]
impl PyClassifier {
    #[new]
    fn new(py: Python<'_>, rules: &[u8]) -> PyResult<Self> {
        py.detach(|| Classifier::from_json(rules))
            .map(|classifier| Self(Arc::new(classifier)))
            .map_err(PyValueError::new_err)
    }

    /// How many rules there are.
    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// What a flow with these payloads is: a `Classification` as a MessagePack array. A packet is from the source
    /// (true) or not, and its payload; those of TCP follow one another without a gap.
    fn classify<'py>(
        &self,
        py: Python<'py>,
        carrier: (u8, u16, bool),
        ports: (u16, u16),
        packets: Vec<(bool, Vec<u8>)>,
        opened: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (protocol, ether_type, rdma) = carrier;
        let facts = FlowFacts {
            protocol,
            ether_type,
            source_port: ports.0,
            destination_port: ports.1,
            family: if protocol == 0 {
                Family::Ethernet
            } else {
                Family::V4
            },
            tunnel: TunnelKind::None,
            rdma: rdma.then_some(RdmaLink::Rocev2),
            opened,
            begins: [None; 2],
        };
        let packed = py.detach(|| {
            let mut inspection = self.0.begin(&facts);
            let mut sent = [0_u32; 2];
            for (forward, payload) in &packets {
                let [source, destination] = &mut sent;
                let sent = if *forward { source } else { destination };
                let sequence = (protocol == 6).then_some(*sent);
                let octets = u32::try_from(payload.len()).unwrap_or(u32::MAX);
                *sent = sent.wrapping_add(octets);
                if self
                    .0
                    .inspect(&mut inspection, &facts, *forward, payload, sequence)
                {
                    break;
                }
            }
            rmp_serde::to_vec(&self.0.conclude(&inspection, &facts))
        });
        let packed = packed.map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(PyBytes::new(py, &packed))
    }
}

/// Whether a pattern is anchored in every branch. ValueError when it cannot be looked for.
#[pyfunction]
pub(super) fn check_pattern(pattern: &str) -> PyResult<bool> {
    rules::check_pattern(pattern).map_err(PyValueError::new_err)
}

/// The names of extractors.
#[pyfunction]
pub(super) fn extractors() -> Vec<&'static str> {
    extract::KNOWN.to_vec()
}
