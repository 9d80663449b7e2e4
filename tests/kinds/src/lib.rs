//! A module with all kinds of things, for the generator of stubs.

pub mod kinds;

/// Kinds of things that a module can have.
#[pyo3::pymodule]
mod _core {
    #[pymodule_export]
    use crate::kinds::{Base, Color, Failure, Full, Pair, ParseError, Point, Shape, Timeout, Vector, add, count, keywords, norm, parse};

    /// The answer.
    #[pymodule_export]
    const ANSWER: i32 = 42;

    /// A submodule.
    #[pymodule_export]
    use crate::kinds::{other, sub};
}
