//! What PyO3 describes, and what `signature` says about it.

use std::collections::{HashMap, HashSet};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// What is read is not a number.
#[pyclass(extends = pyo3::exceptions::PyValueError)]
pub struct ParseError;

#[pymethods]
impl ParseError {
    #[new]
    #[pyo3(signature = (*_args: "object"))]
    fn new(_args: &Bound<'_, PyTuple>) -> Self {
        Self
    }
}

pyo3::create_exception!(_core, Failure, pyo3::exceptions::PyOSError, "What went wrong.");
pyo3::create_exception!(_core, Timeout, Failure);

// One whose base the stub cannot name
pyo3::import_exception!(asyncio, QueueFull);
pyo3::create_exception!(_core, Full, QueueFull);

/// Generic, without members.
#[pyclass(generic)]
pub struct Pair {}

/// Subclassable.
#[pyclass(subclass)]
pub struct Base {
    #[pyo3(get, set)]
    x: i64,
}

#[pymethods]
impl Base {
    #[classattr]
    const LIMIT: i64 = 3;

    #[new]
    #[pyo3(signature = (x=1))]
    fn new(x: i64) -> Self {
        Self { x }
    }

    /// Twice `x`.
    #[getter]
    fn double(&self) -> i64 {
        self.x * 2
    }

    #[classmethod]
    fn name(cls: &Bound<'_, pyo3::types::PyType>) -> PyResult<String> {
        Ok(cls.name()?.to_string())
    }

    fn __len__(&self) -> usize {
        0
    }
}

/// A point, hashable.
#[pyclass(frozen, eq, hash, get_all, from_py_object)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Point {
    x: i64,
}

/// Colours.
#[pyclass(eq, eq_int, from_py_object)]
#[derive(Clone, PartialEq, Eq)]
pub enum Color {
    Red,
    Green,
}

/// Shapes.
#[pyclass]
pub enum Shape {
    Circle { r: f64 },
    Rect { w: f64, h: f64 },
}

/// A vector, and a context manager.
#[pyclass(frozen)]
pub struct Vector;

#[pymethods]
impl Vector {
    #[new]
    fn new() -> Self {
        Self
    }

    fn __add__(&self, number: i64) -> i64 {
        number
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __exit__(&self, _kind: &Bound<'_, PyAny>, _error: &Bound<'_, PyAny>, _trace: &Bound<'_, PyAny>) -> bool {
        false
    }
}

/// Count what containers hold, whose types are invariant.
#[pyfunction]
pub fn count(a: HashMap<String, Vec<f64>>, b: HashMap<(i64, i64, i64), i64>, c: HashSet<i64>) -> usize {
    a.len() + b.len() + c.len()
}

/// Return the sum of `values`.
#[pyfunction]
#[pyo3(signature = (values: "numpy.typing.NDArray[numpy.float64]") -> "float")]
#[must_use]
pub fn norm(values: &Bound<'_, PyAny>) -> PyResult<f64> {
    values.call_method0("sum")?.extract()
}

/// Add two numbers, or two strings.
#[pyfunction]
pub fn add<'py>(a: &Bound<'py, PyAny>, b: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    a.add(b)
}

/// Read a number.
#[pyfunction]
pub fn parse(text: &str) -> PyResult<i64> {
    let error = |_| PyErr::new::<ParseError, _>((format!("no number: {text}"),));
    text.parse().map_err(error)
}

/// Keywords.
#[pyfunction]
#[pyo3(signature = (a, /, b=1.5, *args: "object", c="x", **options: "object"))]
pub fn keywords(
    a: Option<String>,
    b: f64,
    args: &Bound<'_, PyTuple>,
    c: &str,
    options: Option<&Bound<'_, PyDict>>,
) -> HashMap<String, (i64, Vec<u8>)> {
    let _ = (a, b, args, c, options);
    HashMap::new()
}

/// A submodule.
#[pymodule]
pub mod sub {
    use pyo3::prelude::*;

    /// Return `x`.
    #[pyfunction]
    fn inner(x: i64) -> i64 {
        x
    }
}

/// Another submodule.
#[pymodule]
pub mod other {
    use pyo3::prelude::*;

    /// Return `x`.
    #[pyfunction]
    fn outer(x: i64) -> i64 {
        x
    }
}
