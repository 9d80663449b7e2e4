//! A program that embeds the Python of the project's virtual environment.

mod python;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use pyo3::prelude::*;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    python::start(|| {})?;
    let version: String = Python::attach(|py| py.import("sys")?.getattr("version")?.extract())?;
    writeln!(std::io::stdout(), "Python {version}")?;
    Ok(())
}
