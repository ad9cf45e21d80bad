//! Counter files.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::IntoPyObjectExt;
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
        check(&paths)?;
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
            values.append(shown(py, outcome)?)?;
        }
        Ok(values)
    }

    /// Index and value (or why there is none) of each file that changed since the last call; all at the first.
    fn changes<'py>(&self, py: Python<'py>) -> PyResult<Vec<(usize, Bound<'py, PyAny>)>> {
        let changes = py.detach(|| self.lock().changes());
        let changes = changes.into_iter();
        changes
            .map(|(index, outcome)| Ok((index, shown(py, outcome)?)))
            .collect()
    }

    /// Close every file; a later read opens them again, and all count as changed.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.lock().close());
    }
}

/// Refuses paths that no file can have.
pub(super) fn check(paths: &[PathBuf]) -> PyResult<()> {
    let nul = |path: &PathBuf| path.as_os_str().as_encoded_bytes().contains(&0);
    if paths.iter().any(nul) {
        return Err(PyValueError::new_err("embedded null byte"));
    }
    Ok(())
}

fn shown(py: Python<'_>, outcome: Outcome) -> PyResult<Bound<'_, PyAny>> {
    match outcome {
        Outcome::Value(value) => value.into_bound_py_any(py),
        Outcome::NotANumber(text) => format!("not a number: {text}").into_bound_py_any(py),
        Outcome::Failed(errno) => errno_name(py, errno),
    }
}

/// Python's own names, so that the twin and this agree on every platform.
pub(super) fn errno_name(py: Python<'_>, errno: i32) -> PyResult<Bound<'_, PyAny>> {
    let names = py.import("errno")?.getattr("errorcode")?;
    let unknown = format!("errno {errno}");
    names.call_method1("get", (errno, unknown))
}
