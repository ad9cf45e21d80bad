//! Text files.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::counters::{check, errno_name};
use crate::texts::{Content, MAX_BYTES, TextFiles};

/// Files that are kept open and read again and again, all in one call that tells what changed.
#[pyclass(name = "TextFiles", module = "probes.engine._native", frozen)]
pub(super) struct PyTextFiles(Mutex<TextFiles>);

impl PyTextFiles {
    /// Nothing is left half done by a panic in a reader, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, TextFiles> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl PyTextFiles {
    #[new]
    fn new(paths: Vec<PathBuf>) -> PyResult<Self> {
        check(&paths)?;
        Ok(Self(Mutex::new(TextFiles::new(paths))))
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        py.detach(|| self.lock().len())
    }

    /// Index and content of each file that changed since the last call; all at the first.
    fn changes<'py>(&self, py: Python<'py>) -> PyResult<Vec<(usize, Bound<'py, PyAny>)>> {
        let changes = py.detach(|| self.lock().changes());
        let changes = changes.into_iter();
        changes
            .map(|(index, content)| Ok((index, shown(py, content)?)))
            .collect()
    }

    /// Close every file; a later call opens them again, and tells of all.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.lock().close());
    }
}

fn shown(py: Python<'_>, content: Content) -> PyResult<Bound<'_, PyAny>> {
    match content {
        Content::Text(octets) => Ok(PyBytes::new(py, &octets).into_any()),
        Content::Absent => Ok(py.None().into_bound(py)),
        Content::TooLong => format!("longer than {MAX_BYTES} octets").into_bound_py_any(py),
        Content::Failed(errno) => errno_name(py, errno),
    }
}
