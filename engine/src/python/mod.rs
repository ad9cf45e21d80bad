//! The extension module `probes.engine._native`; `probes/engine/_native.pyi` is its stub.

mod capture;
mod counters;
mod fast;
mod flows;
mod follow;
mod rules;
mod texts;

use pyo3::prelude::*;

/// The engine's Python module.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::capture::{PyCaptureFile, PyRing, steering};
    #[pymodule_export]
    use super::counters::PyCounterFiles;
    #[pymodule_export]
    use super::fast::{PyFastReader, PyFolder, PyStepRing, decode_block};
    #[pymodule_export]
    use super::flows::PyMeter;
    #[pymodule_export]
    use super::follow::PyFollower;
    #[pymodule_export]
    use super::rules::{PyClassifier, check_pattern, extractors};
    #[pymodule_export]
    use super::texts::PyTextFiles;
}
