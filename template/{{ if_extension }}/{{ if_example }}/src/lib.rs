//! The extension module `_core`. Python code imports it through the package around it.

pub mod users;

/// Users and groups that are read from JSON and written to it.
#[pyo3::pymodule]
mod _core {
    #[pymodule_export]
    use crate::users::{Group, User};
}
