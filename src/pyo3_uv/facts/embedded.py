"""What happens when a program with an embedded interpreter is built and started in a project.

A crate without dependencies is run by cargo *in the project's folder*, so that the project's
`.cargo/config.toml` (its [env], runner and flags) and the user's environment apply as they do to
`cargo test`.
"""

import json
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyo3_uv.facts.interpreters import Interpreter
from pyo3_uv.process import Result, outer_environment, run

_BUILD = """
use std::{env, fs};

// What PyO3 looks at: https://pyo3.rs/latest/building-and-distribution
const VARIABLES: [&str; 4] = ["PYO3_CONFIG_FILE", "PYO3_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX"];

fn main() {
    println!("cargo::rerun-if-changed=flags");
    let found: String = VARIABLES
        .iter()
        .filter_map(|name| Some(format!("{name}={}\\n", env::var(name).ok()?)))
        .collect();
    fs::write("variables", found).unwrap();
    print!("{}", fs::read_to_string("flags").unwrap_or_default());
}
"""

_START = """
use std::ffi::CString;
use std::os::raw::{c_char, c_int};

extern "C" {
    fn Py_InitializeEx(signals: c_int);
    fn PyRun_SimpleString(code: *const c_char) -> c_int;
}

fn main() {
    let code = std::env::args().nth(1).unwrap();
    let code = CString::new(code).unwrap();
    let failed = unsafe {
        Py_InitializeEx(0);
        PyRun_SimpleString(code.as_ptr())
    };
    std::process::exit(failed & 1);
}
"""

_REPORT = """
import encodings, json, site, sys
report = {"prefix": sys.prefix, "path": sys.path}
print("PYO3-UV " + json.dumps(report), flush=True)  # the program exits without finalizing
"""


@dataclass(frozen=True)
class EmbeddedStart:
    """An embedded interpreter that was started: its sys.prefix and sys.path, or the failure."""

    linked: bool
    prefix: str | None
    path: tuple[str, ...]
    output: str

    @property
    def misses_libpython(self) -> bool:
        """Whether the loader ended the program before its first line."""
        text = self.output.lower()
        return self.prefix is None and (
            "error while loading shared libraries" in text
            or "library not loaded" in text
            or "0xc0000135" in text
        )


class Probe:
    """A crate that is built in the project's folder; `env` are the variables of PyO3 as a build script in the project sees them."""

    def __init__(self, crate: Path, project: Path) -> None:
        self.crate = crate
        self.project = project
        write_crate(crate, "fn main() {}\n", _BUILD)
        (crate / "flags").write_bytes(b"")  # so that the build script runs again
        result = self._cargo("build")
        variables = crate / "variables"
        lines = variables.read_text(encoding="utf-8").splitlines() if variables.exists() else []
        self.env = dict(line.split("=", 1) for line in lines)
        self.failure = "" if result.code == 0 else result.output

    def _cargo(self, *arguments: str, dlls: Path | None = None) -> Result:
        env = outer_environment() | {"CARGO_TARGET_DIR": str(self.crate / "target")}
        if dlls:
            env["PATH"] = os.pathsep.join([str(dlls), env["PATH"]])
        command, *rest = arguments
        manifest = str(self.crate / "Cargo.toml")
        return run(
            ["cargo", command, "--quiet", "--manifest-path", manifest, *rest], self.project, env
        )

    def start(self, python: Interpreter, rpath: bool) -> EmbeddedStart:
        """Link libpython of `python`, with an rpath if `rpath`, and start an interpreter.

        On Windows, which has no rpath, the DLL is on PATH instead.
        """
        kind = "dylib" if python.libpython else "static"
        flags = [f"cargo::rustc-link-search=native={python.lib_dir}"]
        flags.append(f"cargo::rustc-link-lib={kind}={python.lib_name}")
        if rpath and python.libpython and os.name != "nt":
            # -Xlinker, as a comma in the path would end -Wl,-rpath
            flags += ["cargo::rustc-link-arg=-Xlinker", "cargo::rustc-link-arg=-rpath"]
            flags += ["cargo::rustc-link-arg=-Xlinker", f"cargo::rustc-link-arg={python.lib_dir}"]
        if not python.libpython:
            flags += [f"cargo::rustc-link-arg={f}" for f in python.system_libraries.split()]
            flags.append("cargo::rustc-link-arg=-rdynamic")
        (self.crate / "flags").write_text("\n".join(flags) + "\n", encoding="utf-8")
        (self.crate / "src/main.rs").write_text(_START, encoding="utf-8")
        built = self._cargo("build")
        if built.code:
            return EmbeddedStart(False, None, (), built.output)
        dlls = python.libpython.parent if rpath and python.libpython and os.name == "nt" else None
        result = self._cargo("run", "--", _REPORT, dlls=dlls)
        for line in result.stdout.splitlines():
            if line.startswith("PYO3-UV "):
                facts = json.loads(line.removeprefix("PYO3-UV "))
                return EmbeddedStart(True, facts["prefix"], tuple(facts["path"]), result.output)
        return EmbeddedStart(True, None, (), result.output)


def write_crate(folder: Path, main: str, build: str | None = None) -> None:
    """Write a crate without dependencies, a workspace of its own, into `folder`.

    What is there already is not written, so that cargo does not compile it again.
    """
    manifest = '[package]\nname = "probe"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n'
    (folder / "src").mkdir(parents=True, exist_ok=True)
    files = {"Cargo.toml": manifest, "src/main.rs": main} | ({"build.rs": build} if build else {})
    for name, text in files.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


@contextmanager
def probe(project: Path, folder: Path | None = None) -> Iterator[Probe]:
    """Yield a probe for the crate in the folder `project`.

    It lies in a temporary folder, or below `folder`, where the next one goes on from it.
    """
    if folder:
        yield Probe(folder / f"probe{zlib.crc32(bytes(project))}", project)
        return
    with tempfile.TemporaryDirectory(prefix="pyo3-uv-") as name:
        yield Probe(Path(name), project)
