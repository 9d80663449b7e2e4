//! Lets tests and examples find libpython, and stops a build for another Python than `.venv` has.

use std::{env, fs, io, path::Path};

use pyo3_build_config::InterpreterConfig;

fn main() {
    println!("cargo::rerun-if-env-changed=PYO3_BUILD_EXTENSION_MODULE");
    println!("cargo::rerun-if-env-changed=UV_PROJECT_ENVIRONMENT");
    // maturin sets this and chooses the interpreter itself; its modules do not link libpython.
    if !is_set("PYO3_BUILD_EXTENSION_MODULE") {
        // An rpath, without which tests die with "libpython3.x.so.1.0: cannot open shared object file"
        // if libpython is outside the loader's path: https://github.com/astral-sh/uv/issues/11006
        pyo3_build_config::add_libpython_rpath_link_args();
        check_interpreter(pyo3_build_config::get());
    }
}

/// When `.venv` gets another Python, cargo goes on with the old one: PyO3 watches the path only.
fn check_interpreter(config: &InterpreterConfig) {
    let venv = env::var("UV_PROJECT_ENVIRONMENT").unwrap_or(".venv".into()); // set in containers
    let folder = env::current_dir().expect("cargo starts build scripts in the crate's folder");
    let python = config.executable().unwrap_or_default();
    // Not the executable itself, which is a link to the base Python.
    let bin = Path::new(python).with_file_name("").canonicalize().ok();
    let mut own = None; // the environment that has it, or the nearest one if PyO3 needs none
    for path in folder.ancestors().map(|parent| parent.join(&venv)) {
        if path.join("pyvenv.cfg").exists() {
            println!("cargo::rerun-if-changed={}/pyvenv.cfg", path.display());
            let path = path.canonicalize().unwrap_or(path);
            if python.is_empty() || bin.as_ref().is_some_and(|bin| bin.starts_with(&path)) {
                own = own.or(Some(path));
            }
        }
    }
    if let Some(Err(error)) = own.as_deref().filter(|_| cfg!(windows)).map(copy_dlls) {
        println!("cargo::rerun-if-changed=always"); // a file that is not there
        println!("cargo::warning=end what runs, or add the base Python's folder to PATH: {error}");
    }
    if python.is_empty() {
        // cross-compiling, or abi3 on Windows, which needs no interpreter
    } else if bin.is_none() {
        println!("cargo::error=PyO3 was configured for {python}, which is gone; run `uv sync`");
    } else if own.is_none() && is_set("CONDA_PREFIX") && !is_set("PYO3_PYTHON") {
        // PyO3 takes neither environment when VIRTUAL_ENV is set too, but the `python` on PATH.
        println!("cargo::error=PyO3 uses {python}, not {venv}; run `conda deactivate`");
    } else if own.is_none() {
        // It wins over .cargo/config.toml; the packages of `.venv` would be missing in tests.
        println!("cargo::warning=PyO3 uses {python}, not {venv}; correct or unset PYO3_PYTHON");
    } else if let (Some(name), Some(lib_dir)) = (config.lib_name(), config.lib_dir()) {
        let linked = format!("lib{name} in {lib_dir}");
        match config.run_python_script(DESCRIBE_LIBPYTHON) {
            Ok(found) if [linked.as_str(), lib_dir].contains(&found.trim_end()) => {}
            Ok(found) => println!(
                "cargo::error=PyO3 was configured for {linked}, but {venv} has {}; run `cargo clean -p \
                 pyo3-ffi` and repeat the command",
                found.trim_end()
            ),
            Err(error) => println!("cargo::error=run `uv sync`, {venv} is broken: {error}"),
        }
    }
}

/// Windows has no rpath: a program starts from anywhere (else: c0000135) if these lie beside it.
fn copy_dlls(venv: &Path) -> io::Result<()> {
    let config = fs::read_to_string(venv.join("pyvenv.cfg"))?;
    let base = config.lines().find_map(|line| line.strip_prefix("home = "));
    let out = env::var("OUT_DIR").expect("cargo sets it"); // target/PROFILE/build/NAME/out
    let profile = Path::new(&out).ancestors().nth(3).expect("cargo's layout");
    let mut result = Err(io::ErrorKind::NotFound.into());
    for dll in fs::read_dir(base.unwrap_or_default())?.flatten() {
        let name = dll.file_name().to_string_lossy().to_lowercase();
        if name.ends_with("dll") && ["python3", "vcruntime"].iter().any(|x| name.starts_with(x)) {
            let content = fs::read(dll.path())?;
            for path in ["", "deps", "examples"].map(|folder| profile.join(folder).join(&name)) {
                if !fs::read(&path).is_ok_and(|old| old == content) {
                    fs::write(path, &content)?; // fails if a program has it loaded
                }
            }
            result = Ok(());
        }
    }
    result
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some()
}

/// Prints the library and its folder, on Windows, where abi3 has one name for all, the latter alone.
const DESCRIBE_LIBPYTHON: &str = "\
import os, sys
from sysconfig import get_config_var
print(sys.base_prefix + r'\\libs' if os.name == 'nt' else
    f'libpython{get_config_var(\"LDVERSION\")} in {get_config_var(\"LIBDIR\")}')";
