//! Lets tests and examples find libpython, and stops a build for another Python than `.venv` has.

use std::env;
use std::path::Path;

use pyo3_build_config::InterpreterConfig;

fn main() {
    println!("cargo::rerun-if-env-changed=PYO3_BUILD_EXTENSION_MODULE");
    println!("cargo::rerun-if-env-changed=UV_PROJECT_ENVIRONMENT");
    // maturin sets this and chooses the interpreter itself; its modules do not link libpython.
    if env::var_os("PYO3_BUILD_EXTENSION_MODULE").is_none() {
        add_rpath(pyo3_build_config::get());
        check_interpreter(pyo3_build_config::get());
    }
}

/// Without an rpath, `cargo test` dies with "libpython3.x.so.1.0: cannot open shared object file"
/// when libpython is outside the loader's path, as uv's and pyenv's are:
/// <https://github.com/astral-sh/uv/issues/11006>
fn add_rpath(config: &InterpreterConfig) {
    match config.lib_dir() {
        // The function below passes `-Wl,-rpath,<folder>`, which is split at each comma.
        Some(folder) if cfg!(unix) && folder.contains(',') => {
            for argument in ["-Xlinker", "-rpath", "-Xlinker", folder] {
                println!("cargo::rustc-link-arg={argument}");
            }
        }
        _ => pyo3_build_config::add_libpython_rpath_link_args(),
    }
}

/// PyO3 is not built again when `.venv` is made anew, as `PYO3_PYTHON` remains the same.
fn check_interpreter(config: &InterpreterConfig) {
    let elsewhere = env::var("UV_PROJECT_ENVIRONMENT").ok(); // a habit in containers
    let venv = elsewhere.as_deref().unwrap_or(".venv");
    let folder = env::current_dir().expect("cargo starts build scripts in the crate's folder");
    // In a workspace it is above the crate.
    let folders = folder.ancestors().map(|parent| parent.join(venv));
    let venvs: Vec<_> = folders
        .filter(|venv| venv.join("pyvenv.cfg").exists())
        .collect();
    for venv in &venvs {
        println!("cargo::rerun-if-changed={}/pyvenv.cfg", venv.display());
    }
    let (Some(python), Some(name), Some(folder)) =
        (config.executable(), config.lib_name(), config.lib_dir())
    else {
        return; // cross-compiling
    };
    // Not the executable itself, which is a link to the base Python.
    let Ok(bin) = Path::new(python).with_file_name("").canonicalize() else {
        println!("cargo::error=PyO3 was configured for {python}, which is gone; run `uv sync`");
        return;
    };
    let mut venv_paths = venvs.iter().filter_map(|venv| venv.canonicalize().ok());
    if !venv_paths.any(|venv| bin.starts_with(venv)) {
        let conda = env::var_os("CONDA_PREFIX").is_some() && env::var_os("PYO3_PYTHON").is_none();
        let (level, cure) = if conda {
            ("error", "run `conda deactivate`")
        } else {
            ("warning", "unset PYO3_PYTHON or set it to that Python")
        };
        println!("cargo::{level}=PyO3 uses {python} instead of {venv}; {cure}");
        return;
    }
    let linked = if cfg!(windows) {
        folder.to_owned() // with abi3 the name is that of all versions
    } else {
        format!("lib{name} in {folder}")
    };
    match config.run_python_script(DESCRIBE_LIBPYTHON) {
        Ok(found) if found.trim_end() == linked => {}
        Ok(found) => println!(
            "cargo::error=PyO3 was configured for {linked}, but {venv} has {}; run `cargo clean -p \
             pyo3-ffi` and repeat the command",
            found.trim_end()
        ),
        Err(error) => println!("cargo::error=run `uv sync`, {venv} is broken: {error}"),
    }
}

/// Prints what `InterpreterConfig` calls `lib_name` and `lib_dir`, on Windows the latter alone.
const DESCRIBE_LIBPYTHON: &str = "\
import os, sys
from sysconfig import get_config_var
print(sys.base_prefix + r'\\libs' if os.name == 'nt' else
    f'libpython{get_config_var(\"LDVERSION\")} in {get_config_var(\"LIBDIR\")}')";
