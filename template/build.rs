//! Lets tests and examples find libpython, and stops a build for another Python than `.venv` has.

use std::env;
use std::path::Path;

use pyo3_build_config::InterpreterConfig;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PYO3_BUILD_EXTENSION_MODULE");
    println!("cargo::rerun-if-env-changed=UV_PROJECT_ENVIRONMENT");
    // maturin sets this and chooses the interpreter itself; its modules do not link libpython.
    if env::var_os("PYO3_BUILD_EXTENSION_MODULE").is_none() {
        // In containers uv is often told to make the environment elsewhere.
        let venv = env::var("UV_PROJECT_ENVIRONMENT").unwrap_or_else(|_| ".venv".to_owned());
        println!("cargo::rerun-if-changed={venv}/pyvenv.cfg");
        let config = pyo3_build_config::get();
        add_rpath(config);
        check_interpreter(config, &venv);
        check_libpython(config);
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

/// Compares the Python that the `pyo3` crate was built for with the one that `venv` has now.
/// The crate is not built again when `venv` is made anew, as `PYO3_PYTHON` remains the same.
fn check_interpreter(config: &InterpreterConfig, venv: &str) {
    let Some(executable) = config.executable() else {
        return; // cross-compiling
    };
    let select = if venv == ".venv" {
        "unset PYO3_PYTHON"
    } else {
        "export PYO3_PYTHON=\"$UV_PROJECT_ENVIRONMENT/bin/python\""
    };
    // Not the executable itself, which is a link to the base Python.
    let Some(folder) = Path::new(executable)
        .parent()
        .and_then(|bin| bin.canonicalize().ok())
    else {
        println!(
            "cargo::error=PyO3 was configured for {executable}, which is gone; run `uv sync`; if \
             that does not help, `{select}`"
        );
        return;
    };
    let in_venv = Path::new(venv)
        .canonicalize()
        .is_ok_and(|venv| folder.starts_with(venv));
    if !in_venv {
        if env::var_os("CONDA_PREFIX").is_some() && env::var_os("PYO3_PYTHON").is_none() {
            println!(
                "cargo::error=PyO3 uses {executable} instead of .venv because CONDA_PREFIX is \
                 set; run `conda deactivate`"
            );
        } else {
            println!(
                "cargo::warning=PyO3 uses {executable} instead of {venv}; `{select}` to build for \
                 the project's own Python"
            );
        }
        return;
    }

    let (Some(name), Some(folder)) = (config.lib_name(), config.lib_dir()) else {
        return;
    };
    let configured = format!("lib{name} in {folder}");
    match config.run_python_script(DESCRIBE_LIBPYTHON) {
        Ok(current) if cfg!(windows) || current.trim_end() == configured => {}
        Ok(current) => println!(
            "cargo::error=PyO3 was configured for {configured}, but {venv} has {}; \
             run `cargo clean -p pyo3-ffi` and repeat the command",
            current.trim_end()
        ),
        Err(error) => {
            println!("cargo::error=the Python in {venv} does not start, run `uv sync`: {error}");
        }
    }
}

/// Prints what `InterpreterConfig` calls `lib_name` and `lib_dir`, as they are on Unix.
const DESCRIBE_LIBPYTHON: &str = "\
from sysconfig import get_config_var
print(f'libpython{get_config_var(\"LDVERSION\")} in {get_config_var(\"LIBDIR\")}')";

/// Names the missing package when the linker is about to say "cannot find -lpython3.x".
fn check_libpython(config: &InterpreterConfig) {
    let (Some(name), Some(folder)) = (config.lib_name(), config.lib_dir()) else {
        return;
    };
    let files = ["so", "dylib", "a"].map(|suffix| format!("lib{name}.{suffix}"));
    let exists = |file: &String| Path::new(folder).join(file).exists();
    if cfg!(unix) && !files.iter().any(exists) {
        println!(
            "cargo::warning={folder} has no lib{name}; if linking fails, install the development \
             files of Python (Debian and Ubuntu: lib{name}-dev, Fedora: python3-devel)"
        );
    }
}
