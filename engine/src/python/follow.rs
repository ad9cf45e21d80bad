//! The readings of a sampler, as Python has them, and their columns.

use std::collections::HashMap;

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyInt, PyList, PySequence, PyTuple};

use crate::follow::{Counter, Counters, Odd, Spec, Track, quality};

type Followed<'py> = (
    Bound<'py, PyList>,
    Bound<'py, PyList>,
    Bound<'py, PyBytes>,
    Vec<usize>,
    u32,
    u32,
);

/// What a reading says: a value, and how far it may be trusted.
type Value<'py> = (Bound<'py, PyAny>, u8);

/// Where a reading goes.
enum Place {
    /// A counter, by its place among them, and its column.
    Counter(u32, u32),
    /// The column among the gauges.
    Gauge(u32),
}

/// A counter that the last sample did not have.
struct Absent {
    series: Series,
    track: Track,
    /// When it was last reported.
    seen: i64,
}

/// Spec and labels.
struct Series(Py<PyAny>, Py<PyAny>);

impl Series {
    fn of(row: &Bound<'_, PyTuple>) -> PyResult<Self> {
        Ok(Self(row.get_item(0)?.unbind(), row.get_item(1)?.unbind()))
    }

    fn key<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, [self.0.bind(py), self.1.bind(py)])
    }
}

/// Follows every counter of one sampler across its samples, and puts what is passed on into columns.
#[pyclass(name = "Follower", module = "probes.engine._native")]
pub(super) struct PyFollower {
    max_absent: usize,
    /// What each reading of a sample is of.
    shape: Option<Vec<Series>>,
    places: Vec<Place>,
    counters: Counters,
    /// What the gauges stood at.
    gauges: Vec<f64>,
    /// The columns of the last sample; None when they are not what `counters` and `gauges` say.
    last: Option<(Py<PyList>, Py<PyList>)>,
    absent: Vec<Absent>,
    /// When the last sample was taken.
    applied: i64,
    /// `Quality.OK`.
    ok: Py<PyAny>,
}

#[pymethods]
impl PyFollower {
    #[new]
    #[pyo3(signature = (max_absent=10_000))]
    fn new(py: Python<'_>, max_absent: usize) -> PyResult<Self> {
        let qualities = py.import("fabricscope.model")?.getattr("Quality")?;
        Ok(Self {
            max_absent,
            shape: None,
            places: Vec::new(),
            counters: Counters::default(),
            gauges: Vec::new(),
            last: None,
            absent: Vec::new(),
            applied: 0,
            ok: qualities.getattr("OK")?.unbind(),
        })
    }

    /// Samples have these series from now on.
    fn begin(
        &mut self,
        py: Python<'_>,
        readings: &Bound<'_, PySequence>,
        order: Vec<usize>,
        mono: i64,
    ) -> PyResult<()> {
        let plan = Plan::new(py, readings, &order)?;
        let known = PyDict::new(py);
        // Nothing is changed before nothing can fail any more.
        for (index, absent) in self.absent.iter().enumerate() {
            known.set_item(absent.series.key(py)?, index)?;
        }
        let shape = self.shape.as_deref().unwrap_or_default();
        let mut here = Vec::with_capacity(self.counters.counters.len());
        for (series, place) in shape.iter().zip(&self.places) {
            if matches!(place, Place::Counter(..)) {
                known.set_item(series.key(py)?, self.absent.len() + here.len())?;
                here.push(Series(series.0.clone_ref(py), series.1.clone_ref(py)));
            }
        }
        let found = plan.find(py, &known)?;

        let applied = self.applied;
        let tracks = self.counters.counters.drain(..);
        let here = here
            .into_iter()
            .zip(tracks)
            .map(|(series, counter)| Absent {
                series,
                track: counter.track,
                seen: applied,
            });
        let present = self.absent.len();
        let mut pool: Vec<Option<Absent>> = self.absent.drain(..).chain(here).map(Some).collect();
        for each in &mut pool[..present] {
            each.take_if(|absent| mono.saturating_sub(absent.seen) >= FORGET_AFTER_NS);
        }
        self.counters = Counters {
            specs: plan.specs,
            counters: plan
                .counters
                .into_iter()
                .zip(found)
                .map(|((spec, device), found)| Counter {
                    track: found
                        .and_then(|index| pool.get_mut(index)?.take())
                        .map_or_else(|| Track::new(mono), |absent| absent.track),
                    spec,
                    device,
                })
                .collect(),
            ..Counters::default()
        };
        self.absent = pool.into_iter().flatten().collect();
        self.absent.sort_by_key(|absent| absent.seen);
        let excess = self.absent.len().saturating_sub(self.max_absent);
        self.absent.drain(..excess);
        self.absent.shrink_to_fit();
        self.gauges = vec![0.0; plan.shape.len() - self.counters.counters.len()];
        (self.shape, self.places, self.last) = (Some(plan.shape), plan.places, None);
        Ok(())
    }

    /// The columns of a sample.
    fn follow<'py>(
        &mut self,
        py: Python<'py>,
        readings: &Bound<'py, PySequence>,
        mono: i64,
    ) -> PyResult<Option<Followed<'py>>> {
        let Some(values) = self.values(readings)? else {
            return Ok(None);
        };
        let last = self.last.take();
        let (counters, gauges) = match last {
            Some((counters, gauges)) => (
                Column::of(counters.into_bound(py)),
                Column::of(gauges.into_bound(py)),
            ),
            None => (
                Column::empty(py, self.counters.counters.len())?,
                Column::empty(py, self.gauges.len())?,
            ),
        };
        let followed = self.columns(py, values, mono, counters, gauges)?;
        let (counters, gauges) = (followed.0.clone(), followed.1.clone());
        self.last = Some((counters.unbind(), gauges.unbind()));
        self.applied = mono;
        Ok(Some(followed))
    }
}

/// A series that was not seen for this long starts anew when it comes back.
const FORGET_AFTER_NS: i64 = 3600 * 1_000_000_000;

impl PyFollower {
    /// Value and quality of each reading; None when they are not of the series of `begin`.
    fn values<'py>(&self, readings: &Bound<'py, PySequence>) -> PyResult<Option<Vec<Value<'py>>>> {
        let rows = match readings.cast::<PyList>() {
            Ok(rows) => rows.clone(),
            Err(_) => readings.to_list()?,
        };
        let Some(shape) = &self.shape else {
            return Ok(None);
        };
        if shape.len() != rows.len() {
            return Ok(None);
        }
        let mut values = Vec::with_capacity(shape.len());
        for (row, Series(spec, labels)) in rows.iter().zip(shape) {
            let Ok(row) = row.cast::<PyTuple>() else {
                return Ok(None);
            };
            let has = row.get_borrowed_item(1)?;
            if !row.get_borrowed_item(0)?.is(spec) || !(has.is(labels) || has.eq(labels)?) {
                return Ok(None);
            }
            let said = row.get_borrowed_item(3)?;
            let quality = if said.is(&self.ok) {
                quality::OK
            } else {
                said.extract()?
            };
            values.push((row.get_item(2)?, quality));
        }
        Ok(Some(values))
    }

    fn columns<'py>(
        &mut self,
        py: Python<'py>,
        values: Vec<Value<'py>>,
        mono: i64,
        mut counters: Column<'py>,
        mut gauges: Column<'py>,
    ) -> PyResult<Followed<'py>> {
        let split = self.counters.counters.len();
        let mut qualities = vec![quality::OK; self.places.len()];
        let mut unknown = Vec::new();
        let mut odd = Vec::new();
        let mut odd_columns = Vec::new();
        for ((value, said), place) in values.into_iter().zip(&self.places) {
            match *place {
                Place::Counter(counter, column) => {
                    let (counter, column) = (counter as usize, column as usize);
                    let plain = match value.cast_exact::<PyInt>() {
                        Ok(value) if said == quality::OK => value.extract().ok(),
                        _ => None,
                    };
                    if let Some((shown, grew)) =
                        plain.and_then(|raw| self.counters.plain(counter, raw, mono))
                    {
                        if grew || counters.is_empty {
                            counters.set(column, shown)?;
                        }
                        continue;
                    }
                    let raw = if quality::has_value(said) {
                        raw_of(&value, self.counters.spec(counter))?
                    } else {
                        None
                    };
                    odd.push(Odd {
                        counter,
                        raw,
                        quality: said,
                    });
                    odd_columns.push(column);
                }
                Place::Gauge(column) => {
                    let column = column as usize;
                    let mut number = 0.0;
                    let mut quality = said;
                    if value.is_none() {
                        unknown.push(split + column);
                        if quality::has_value(said) {
                            quality = quality::UNREADABLE;
                        }
                    } else {
                        number = float_of(&value)?;
                    }
                    qualities[split + column] = quality;
                    if number.to_bits() != self.gauges[column].to_bits() || gauges.is_empty {
                        self.gauges[column] = number;
                        match value.cast_exact::<PyFloat>() {
                            Ok(value) => gauges.set(column, value)?,
                            Err(_) => gauges.set(column, number)?,
                        }
                    }
                }
            }
        }
        for (judged, column) in self.counters.settle(&odd, mono).iter().zip(odd_columns) {
            qualities[column] = judged.quality;
            if judged.value.is_none() {
                unknown.push(column);
            }
            counters.set_unless_equal(column, judged.value.unwrap_or_default())?;
        }
        unknown.sort_unstable();
        if qualities.iter().all(|each| *each == quality::OK) {
            qualities.clear();
        }
        Ok((
            counters.list,
            gauges.list,
            PyBytes::new(py, &qualities),
            unknown,
            self.counters.resets,
            self.counters.wraps,
        ))
    }
}

/// A column list in the making: that of the last sample while nothing differs, since others have that one too.
struct Column<'py> {
    list: Bound<'py, PyList>,
    is_ours: bool,
    /// Whether there was no last one, so that everything differs.
    is_empty: bool,
}

impl<'py> Column<'py> {
    fn of(list: Bound<'py, PyList>) -> Self {
        Self {
            list,
            is_ours: false,
            is_empty: false,
        }
    }

    fn empty(py: Python<'py>, length: usize) -> PyResult<Self> {
        Ok(Self {
            list: PyList::new(py, std::iter::repeat_n(0, length))?,
            is_ours: true,
            is_empty: true,
        })
    }

    fn set(&mut self, at: usize, value: impl IntoPyObject<'py>) -> PyResult<()> {
        if !self.is_ours {
            self.list = self.list.get_slice(0, self.list.len());
            self.is_ours = true;
        }
        self.list.set_item(at, value)
    }

    fn set_unless_equal(&mut self, at: usize, value: u64) -> PyResult<()> {
        if self.is_empty || self.list.get_item(at)?.extract::<u64>()? != value {
            self.set(at, value)?;
        }
        Ok(())
    }
}

/// What is worked out of the readings of other series than before.
struct Plan {
    shape: Vec<Series>,
    places: Vec<Place>,
    specs: Vec<Spec>,
    /// Spec and device of each counter.
    counters: Vec<(u32, Option<u32>)>,
}

impl Plan {
    fn new(py: Python<'_>, readings: &Bound<'_, PySequence>, order: &[usize]) -> PyResult<Self> {
        let rows = readings.to_list()?;
        let mut columns = vec![None; rows.len()];
        for (column, &place) in (0u32..).zip(order) {
            *columns.get_mut(place).ok_or_else(wrong_order)? = Some(column);
        }
        let mut specs = Specs::default();
        let devices = PyDict::new(py);
        let mut plan = Self {
            shape: Vec::with_capacity(rows.len()),
            places: Vec::with_capacity(rows.len()),
            specs: Vec::new(),
            counters: Vec::new(),
        };
        let mut kinds = Vec::with_capacity(rows.len());
        for row in rows.iter() {
            let series = Series::of(row.cast()?)?;
            let kind = specs.index(series.0.bind(py))?;
            if let Some(spec) = kind {
                let labels = series.1.bind(py).cast::<PyTuple>()?;
                let device = match labels.iter().next() {
                    Some(first) => Some(number(&devices, &first)?),
                    None => None,
                };
                plan.counters.push((spec, device));
            }
            kinds.push(kind);
            plan.shape.push(series);
        }
        let split = u32::try_from(plan.counters.len())?;
        let mut counter = 0u32;
        for (kind, column) in kinds.into_iter().zip(columns) {
            let column = column.ok_or_else(wrong_order)?;
            plan.places.push(match (kind, column.checked_sub(split)) {
                (Some(_), None) => {
                    counter += 1;
                    Place::Counter(counter - 1, column)
                }
                (None, Some(column)) => Place::Gauge(column),
                _ => return Err(wrong_order()),
            });
        }
        plan.specs = specs.found;
        Ok(plan)
    }

    /// Where each counter stands among those that are known.
    fn find(&self, py: Python<'_>, known: &Bound<'_, PyDict>) -> PyResult<Vec<Option<usize>>> {
        let counters = self.shape.iter().zip(&self.places);
        counters
            .filter(|(_, place)| matches!(place, Place::Counter(..)))
            .map(|(series, _)| match known.get_item(series.key(py)?)? {
                Some(index) => Ok(Some(index.extract()?)),
                None => Ok(None),
            })
            .collect()
    }
}

/// Specs that were met, by their identity.
#[derive(Default)]
struct Specs {
    found: Vec<Spec>,
    indexes: HashMap<usize, Option<u32>>,
}

impl Specs {
    /// Where a counter's spec stands; None for a gauge's.
    fn index(&mut self, spec: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
        let py = spec.py();
        let identity = spec.as_ptr() as usize;
        if let Some(&known) = self.indexes.get(&identity) {
            return Ok(known);
        }
        let value = intern!(py, "value");
        let kind = spec.getattr(intern!(py, "kind"))?.getattr(value)?;
        let index = if kind.eq("counter")? {
            let overflow = spec.getattr(intern!(py, "overflow"))?.getattr(value)?;
            let made = Spec::new(
                spec.getattr(intern!(py, "bits"))?.extract()?,
                overflow.eq("saturates")?,
                spec.getattr(intern!(py, "scale"))?.extract()?,
            );
            let made = made.ok_or_else(|| PyValueError::new_err("a counter has 1 to 64 bits"))?;
            self.found.push(made);
            Some(u32::try_from(self.found.len() - 1)?)
        } else {
            None
        };
        self.indexes.insert(identity, index);
        Ok(index)
    }
}

/// Equal things have one number.
fn number(numbers: &Bound<'_, PyDict>, thing: &Bound<'_, PyAny>) -> PyResult<u32> {
    if let Some(number) = numbers.get_item(thing)? {
        return number.extract();
    }
    let number = u32::try_from(numbers.len())?;
    numbers.set_item(thing, number)?;
    Ok(number)
}

fn wrong_order() -> PyErr {
    PyValueError::new_err("an order that does not name each reading once, counters first")
}

/// The device's count; None when there is none that can be one.
fn raw_of(value: &Bound<'_, PyAny>, spec: &Spec) -> PyResult<Option<u64>> {
    if value.is_none() {
        return Ok(None);
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(value.extract().ok().filter(|raw| !spec.is_gone(*raw)));
    }
    let value: f64 = value.extract()?;
    // 2^64 is the first above those that a u64 holds.
    if !(0.0..18_446_744_073_709_551_616.0).contains(&value) {
        return Ok(None);
    }
    let raw = value as u64;
    Ok((value.fract() != 0.0 || !spec.is_gone(raw)).then_some(raw))
}

/// What Python's `float` makes of a value.
fn float_of(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    if value.is_exact_instance_of::<PyFloat>() || value.is_exact_instance_of::<PyInt>() {
        return value.extract();
    }
    let float = value.py().get_type::<PyFloat>();
    float.call1((value,))?.extract()
}
