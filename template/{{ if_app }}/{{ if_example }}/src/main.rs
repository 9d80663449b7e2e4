//! A program that embeds the Python of the project's virtual environment.

mod python;
mod users;

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::Parser;
use pyo3::prelude::*;

use users::User;

/// Reads a user from JSON and prints the summary that Python code makes of it.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// JSON file with a user; "-" is standard input
    #[arg(default_value = "-")]
    file: String,
}

/// Users and groups, for the Python code in this program.
#[pymodule]
#[pyo3(name = "users")]
mod users_module {
    #[pymodule_export]
    use crate::users::{Group, User};
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS, // `... | head` has seen enough
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    let (source, text) = match cli.file.as_str() {
        "-" => ("standard input", io::read_to_string(io::stdin())),
        file => (file, fs::read_to_string(file)),
    };
    let text =
        text.with_context(|| format!("cannot read {source}; name a file with UTF-8 text"))?;
    python::start(|| pyo3::append_to_inittab!(users_module))?;
    let user: User = serde_json::from_str(&text)
        .with_context(|| format!("{source} is not a user in JSON; mend it"))?;
    let summary =
        Python::attach(|py| summarize(py, user).map_err(|error| with_traceback(py, &error)))?;
    io::stdout().write_all(summary.as_bytes())?;
    Ok(())
}

/// Calls `summarize` in python/summary.py, which is compiled into the program.
fn summarize(py: Python<'_>, user: User) -> PyResult<String> {
    let code = pyo3::ffi::c_str!(include_str!("../python/summary.py"));
    let module = PyModule::from_code(py, code, c"python/summary.py", c"summary")?;
    module.getattr("summarize")?.call1((user,))?.extract()
}

/// Keeps the traceback, which `PyErr` does not print.
fn with_traceback(py: Python<'_>, error: &PyErr) -> anyhow::Error {
    let traceback = error
        .traceback(py)
        .and_then(|traceback| traceback.format().ok());
    anyhow!(
        "the Python code failed\n{}{error}",
        traceback.unwrap_or_default()
    )
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
