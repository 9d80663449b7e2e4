//! A program that embeds the Python of the project's virtual environment.

mod python;

use pyo3::prelude::*;

fn main() {
    python::finish(run)
}

fn run() -> anyhow::Result<()> {
    python::start(|| {})?;
    Python::attach(|py| py.run(c"import sys; print('Python', sys.version)", None, None))?;
    Ok(())
}
