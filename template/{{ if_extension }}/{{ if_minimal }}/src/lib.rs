//! The extension module `_core`. Python code imports it through the package around it.

use pyo3::prelude::*;

/// Numeric functions, implemented in Rust.
#[pymodule]
mod _core {
    #[pymodule_export]
    use super::sum_of_squares;
}

/// Return the sum of the squares of `values`.
///
/// Args:
///     values: Numbers, in any order.
///
/// Raises:
///     TypeError: `values` is not a sequence of numbers.
#[pyfunction]
#[must_use]
pub fn sum_of_squares(values: Vec<f64>) -> f64 {
    values.into_iter().map(|value| value * value).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_sum_of_squares() {
        Python::attach(|py| {
            let function = wrap_pyfunction!(sum_of_squares, py).unwrap();
            let sum: f64 = function.call1(([3, 4],)).unwrap().extract().unwrap();
            assert!((sum - 25.0).abs() < f64::EPSILON);
        });
    }
}
