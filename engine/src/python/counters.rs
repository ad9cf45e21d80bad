//! Counter files.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::counters::{CounterFiles, Outcome};

/// Files that each hold one unsigned decimal number, kept open and read again and again.
#[pyclass(name = "CounterFiles", module = "probes.engine._native", frozen)]
pub(super) struct PyCounterFiles(Mutex<CounterFiles>);

impl PyCounterFiles {
    /// Nothing is left half done by a panic in a reader, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, CounterFiles> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl PyCounterFiles {
    #[new]
    fn new(paths: Vec<PathBuf>) -> PyResult<Self> {
        if paths
            .iter()
            .any(|path| path.as_os_str().as_encoded_bytes().contains(&0))
        {
            return Err(PyValueError::new_err("embedded null byte"));
        }
        Ok(Self(Mutex::new(CounterFiles::new(paths))))
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        py.detach(|| self.lock().len())
    }

    /// The value of each file in the order of the paths, or why it has none.
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let outcomes = py.detach(|| self.lock().read());
        let values = PyList::empty(py);
        for outcome in outcomes {
            match outcome {
                Outcome::Value(value) => values.append(value)?,
                Outcome::NotANumber(text) => values.append(format!("not a number: {text}"))?,
                Outcome::Failed(errno) => values.append(errno_name(py, errno)?)?,
            }
        }
        Ok(values)
    }

    /// Close every file; a later read opens them again.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.lock().close());
    }
}

/// Python's own names, so that the twin and this agree on every platform.
fn errno_name(py: Python<'_>, errno: i32) -> PyResult<Py<PyAny>> {
    let names = py.import("errno")?.getattr("errorcode")?;
    let unknown = format!("errno {errno}");
    Ok(names.call_method1("get", (errno, unknown))?.unbind())
}
