//! The extension module `probes.engine._native`; `probes/engine/_native.pyi` is its stub.

mod counters;
mod fast;
mod follow;
mod texts;

use pyo3::prelude::*;

/// The engine's Python module.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::counters::PyCounterFiles;
    #[pymodule_export]
    use super::fast::{PyFastReader, PyFolder, PyStepRing, decode_block};
    #[pymodule_export]
    use super::follow::PyFollower;
    #[pymodule_export]
    use super::texts::PyTextFiles;
}
