"""The app that is bundled: its program, its Python and its packages, built from today's sources."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import tomlkit
from packaging.utils import canonicalize_name

from pyo3_uv.bundle.settings import Settings, read_settings
from pyo3_uv.facts.interpreters import executable_of
from pyo3_uv.process import Result, UserError, outer_environment
from pyo3_uv.process import run as run_to_end

# What src/python.rs understands: a constant in it has the number in its name.
PROTOCOL = "1"
MARKER = re.compile(r'^const \w+: .*option_env!\("PYO3_UV_BUNDLE_(\d+)"\)', re.MULTILINE)

# Printed by the base Python
DESCRIBE = """
import json, os, site, sys, sysconfig
names = "Py_ENABLE_SHARED", "PYTHONFRAMEWORK", "LIBDIR", "INSTSONAME"
print(json.dumps({name: sysconfig.get_config_var(name) for name in names} | {
    "version": "%d.%d.%d" % sys.version_info[:3],
    "minor": "%d.%d" % sys.version_info[:2] + "t" * bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "cache_tag": sys.implementation.cache_tag,
    "base_prefix": sys.base_prefix,
    "executable": os.path.realpath(getattr(sys, "_base_executable", sys.executable)),
    "stdlib": sysconfig.get_path("stdlib"),
    "site": os.path.relpath(site.getsitepackages()[-1], sys.prefix),
}))
"""


@dataclass
class App:
    """An app of the template. `work` is a folder in cargo's for what is built and kept."""

    project: Path
    settings: Settings
    metadata: dict[str, Any]  # of cargo, for all packages
    package: dict[str, Any]  # of cargo, for the app's
    work: Path
    target: str
    own: str  # the name of the app's Python package, normalized

    @property
    def name(self) -> str:
        """What the folder and the archive are called, without the archive's suffix."""
        return f"{self.package['name']}-{self.package['version']}-{self.target}"

    # ---- Commands ----

    @cached_property
    def environment(self) -> dict[str, str]:
        """The user's environment, nothing activated. The compilers name no folder of this machine.

        The flags come from a wrapper of rustc: RUSTFLAGS, and a target's flags in some
        .cargo/config.toml, would replace those that are given in another way.
        """
        env = outer_environment()
        for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH"):
            env.pop(name, None)
        cargo = Path(env.get("CARGO_HOME", Path.home() / ".cargo"))
        workspace = Path(self.metadata["workspace_root"])
        folders = {Path.home(): "/home", workspace: f"/{self.package['name']}", cargo: "/cargo"}
        maps = [f"{folder}={name}" for folder, name in folders.items() if len(folder.parts) > 1]
        if os.name == "posix":
            command = ['"$@"', *(shlex.quote(f"--remap-path-prefix={name}") for name in maps)]
            if sys.platform == "darwin":  # room for other names of libraries
                command += ["-C", "link-arg=-Wl,-headerpad_max_install_names"]
            if env.get("RUSTC_WRAPPER"):
                command.insert(0, shlex.quote(env["RUSTC_WRAPPER"]))
            wrapper = self.work / "rustc"
            self.work.mkdir(parents=True, exist_ok=True)
            wrapper.write_text(f"#!/bin/sh\nexec {' '.join(command)}\n", encoding="utf-8")
            wrapper.chmod(0o755)
            env["RUSTC_WRAPPER"] = str(wrapper)
            flags = [f"-ffile-prefix-map={item}" for item in maps if " " not in item]
            for name in ("CFLAGS", "CXXFLAGS"):
                env[name] = " ".join([env.get(name, ""), *flags]).strip()
        else:
            flags = env.get("RUSTFLAGS", "").split()
            flags += [f"--remap-path-prefix={name}" for name in maps]
            env["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join(flags)
        return env

    def try_to_run(self, command: Sequence[str | Path]) -> Result:
        result = run_to_end(command, self.project, self.environment)
        if result.code == 127:
            raise UserError(f"{command[0]} is not on PATH; install it")
        return result

    def run(self, command: Sequence[str | Path]) -> str:
        """Run a command in the project; return what it prints."""
        result = self.try_to_run(command)
        if result.code:
            shown = " ".join(map(str, command[:3]))
            raise UserError(f"{shown}: {last_line(result)}")
        return result.stdout

    def show(self, command: Sequence[str | Path], env: dict[str, str], error: str) -> str:
        """Run a command that shows its progress; return what it prints."""
        done = subprocess.run(
            command,
            cwd=self.project,
            env=env,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
        if done.returncode != 0:
            raise UserError(f"{error}; repeat when what it says is done")
        return done.stdout

    # ---- Python, packages, program ----

    @cached_property
    def python(self) -> dict[str, Any]:
        """Describe the base Python of .venv, or one of uv's with the same minor version."""
        venv = self.project / os.environ.get("UV_PROJECT_ENVIRONMENT", ".venv")
        if not executable_of(venv).exists():
            raise UserError(f"there is no Python environment in {venv.name}; run `uv sync`")
        base = "import os, sys; print(os.path.realpath(sys._base_executable))"
        python = self._describe(self.run([executable_of(venv), "-I", "-c", base]))
        managed = Path(self.run(["uv", "python", "dir"]).strip()).resolve()
        python["origin"] = "one of uv's, which needs nothing else"
        if not Path(python["base_prefix"]).is_relative_to(managed):
            options = ["--system", "--python-preference=only-managed", "--no-python-downloads"]
            found = self.try_to_run(["uv", "python", "find", *options, python["minor"]])
            if found.code == 0:
                other = f"; {venv.name} has that in {python['base_prefix']}"
                python = self._describe(found.stdout) | {"origin": python["origin"] + other}
            else:
                python["origin"] = "not one of uv's, which would need nothing else"
        if os.name == "nt":
            library = Path(python["base_prefix"], f"python{python['minor'].replace('.', '')}.dll")
        else:
            library = Path(python["LIBDIR"], python["INSTSONAME"])
        if python["PYTHONFRAMEWORK"]:
            reason = "is a framework, which cannot be moved"
        elif os.name != "nt" and not python["Py_ENABLE_SHARED"]:
            reason = "is static, without a libpython"
        else:
            reason = "" if library.exists() else f"lacks {library}"
        if reason:
            command = f"uv sync --managed-python --python {python['minor']}"
            raise UserError(f"the Python in {python['base_prefix']} {reason}; run `{command}`")
        python["library"] = library
        return python

    def _describe(self, executable: str) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self.run([executable.strip(), "-I", "-c", DESCRIBE]))
        return facts

    def install(self) -> Path:
        """Install the locked packages into an environment of the bundle's own; return that.

        Those whose sources are a folder are built again: uv's cache may have them as they were.
        """
        locked = self.try_to_run(["uv", "lock", "--locked"])
        if locked.code:
            raise UserError(f"uv needs another uv.lock; run `uv lock`: {last_line(locked)}")
        environment = self.environment_folder
        options = ["--quiet", "--python", self.python["executable"]]
        if not executable_of(environment).exists():
            shutil.rmtree(environment, ignore_errors=True)
            self.run(["uv", "venv", *options, "--relocatable", environment])
        options += ["--locked", "--no-default-groups", "--no-editable"]
        options += [f"--group={group}" for group in self.settings.groups]
        options += [f"--extra={extra}" for extra in self.settings.extras]
        env = self.environment | {"UV_PROJECT_ENVIRONMENT": str(environment)}
        error = "uv did not install the packages"
        self.show(["uv", "sync", *options, f"--reinstall-package={self.own}"], env, error)
        folders = {
            canonicalize_name(x.name) for x in installed(environment) if "dir_info" in origin(x)
        }
        if others := sorted(folders - {self.own}):
            again = [f"--reinstall-package={name}" for name in others]
            self.show(["uv", "sync", *options, *again], env, error)
        return environment

    @property
    def environment_folder(self) -> Path:
        """The path names project and Python, as cargo compiles PyO3 again for another path only."""
        text = f"{self.project} {self.python['base_prefix']}"
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        return self.work / f"{self.python['version']}-{digest}"

    def build(self) -> list[Path]:
        """Build the package's programs for the environment; return them."""
        environment = self.environment_folder
        env = self.environment | {
            "PYO3_PYTHON": str(executable_of(environment)),
            "UV_PROJECT_ENVIRONMENT": str(environment),  # build.rs compares it with PYO3_PYTHON
            f"PYO3_UV_BUNDLE_{PROTOCOL}": "1",
        }
        command = ["cargo", "build", "--release", "--locked", "--bins", "--target-dir", self.work]
        command.append("--message-format=json-render-diagnostics")
        output = self.show(command, env, "cargo did not build the program")
        artifacts = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        return [
            Path(artifact["executable"])
            for artifact in artifacts
            if artifact.get("package_id") == self.package["id"] and artifact.get("executable")
        ]

    def crates(self) -> list[dict[str, Any]]:
        """Return the crates, the package itself excepted, that are compiled into the program."""
        command = ["cargo", "metadata", "--format-version=1", "--locked"]
        resolved = json.loads(self.run([*command, "--filter-platform", self.target]))["resolve"]
        nodes = {node["id"]: node for node in resolved["nodes"]}
        found, queue = set(), [self.package["id"]]
        while queue:
            for dep in nodes[queue.pop()]["deps"]:
                kinds = [kind["kind"] for kind in dep["dep_kinds"]]
                if dep["pkg"] not in found and None in kinds:
                    found.add(dep["pkg"])
                    queue.append(dep["pkg"])
        crates = [package for package in self.metadata["packages"] if package["id"] in found]
        return sorted(crates, key=lambda crate: (crate["name"], crate["version"]))


def load(project: Path) -> App:
    """Read what uv and cargo know of a project. Raises `UserError` if no bundle can be made of it."""
    source = project / "src/python.rs"
    text = source.read_text(encoding="utf-8") if source.is_file() else ""
    marker = MARKER.search(text)
    if not marker or marker[1] != PROTOCOL:
        have = f"has protocol {marker[1]}" if marker else "is not there" if not text else "has none"
        update = "`copier update` brings it to apps of the template"
        raise UserError(f"{source} {have}; this command needs protocol {PROTOCOL}: {update}")
    for file, command in (("uv.lock", "uv lock"), ("Cargo.lock", "cargo check")):
        if not (project / file).exists():
            raise UserError(f"there is no {file}; run `{command}`, and commit it")
    command = ["cargo", "metadata", "--format-version=1", "--locked"]
    done = run_to_end(command, project)
    if done.code:
        raise UserError(f"cargo needs another Cargo.lock; run `cargo check`: {last_line(done)}")
    metadata = json.loads(done.stdout)
    document = tomlkit.parse((project / "pyproject.toml").read_text(encoding="utf-8")).unwrap()
    manifest = project / "Cargo.toml"
    [package] = [p for p in metadata["packages"] if Path(p["manifest_path"]).samefile(manifest)]
    [target] = re.findall(
        r"^host: (.*)", run_to_end(["rustc", "-vV"], project).stdout, re.MULTILINE
    )
    work = Path(metadata["target_directory"], "bundle")
    own = canonicalize_name(document["project"]["name"])
    return App(project, read_settings(document, project), metadata, package, work, target, own)


def site_packages(environment: Path) -> Path:
    [folder] = [
        *environment.glob("lib/python*/site-packages"),
        *environment.glob("Lib/site-packages"),
    ]
    return folder


def installed(environment: Path) -> list[Distribution]:
    """Return the packages in an environment, by name."""
    found = distributions(path=[str(site_packages(environment))])
    return sorted(found, key=lambda dist: canonicalize_name(dist.name))


def origin(dist: Distribution) -> dict[str, Any]:
    """Return where a package was installed from, if that is a file, a folder or a repository."""
    text = dist.read_text("direct_url.json")
    facts: dict[str, Any] = json.loads(text) if text else {}
    return facts


def last_line(result: Result) -> str:
    """Return the line that says why a command failed: the last one, but for hints of uv."""
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("hint:")]
    return lines[-1] if lines else f"exit code {result.code}"
