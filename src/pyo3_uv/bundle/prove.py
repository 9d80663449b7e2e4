"""The proof: the bundle's Python imports its packages, and the program starts, far from here."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from pyo3_uv.bundle.app import App, installed
from pyo3_uv.bundle.contents import CODE
from pyo3_uv.bundle.table import DROPPED, Table
from pyo3_uv.facts.interpreters import executable_of
from pyo3_uv.process import UserError

LIMIT = 120  # seconds

# Run by the bundle's Python: imports modules, and looks for what the app's own code names
IMPORT = """
import ast, importlib, importlib.util, json, os, sys
modules, sources = json.load(sys.stdin)
failed, absent = {}, []
for name in modules:
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = (f"{type(error).__name__}: {error}".splitlines() or [""])[0]

def names(node):
    # What stands in these may be there or not.
    if isinstance(node, (ast.If, ast.Try, ast.With)):
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield node.module
    for child in ast.iter_child_nodes(node):
        yield from names(child)

for source in sources:
    with open(os.path.join(os.path.dirname(sys.prefix), source), "rb") as file:
        tree = ast.parse(file.read())
    for name in names(tree):
        try:
            there = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            there = name in sys.modules
        if not there:
            absent.append([source, name, name.split(".")[0] in sys.stdlib_module_names])
sys.stdout.flush()
print("\\n" + json.dumps([failed, absent]))
"""

# Makes the folder $1 the root, with the bundle $2 in it, then runs the rest
IN_ROOT = """
root=$1 bundle=$2 system=$3; shift 3
mount -t proc proc "$root/proc" 2>/dev/null || mount --rbind /proc "$root/proc" || exit 125
mount --rbind /dev "$root/dev" && mount --bind "$bundle" "$root/bundle" &&
    mount -o remount,bind,ro "$root/bundle" || exit 125
for folder in $system; do
    mkdir -p "$root$folder" && mount --rbind "$folder" "$root$folder" || exit 125
done
exec env -i "$(command -v chroot)" "$root" "$@"
"""
NAMESPACE = ["unshare", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child"]
GLIBC = "ld-linux* libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libutil.so.1 libresolv.so.2"


@dataclass
class Room:
    """Where a bundle is tried: without anything but glibc, with the system, or here."""

    folder: Path
    bundle: Path
    kind: str

    def run(self, program: str, *args: str, stdin: str = "") -> tuple[int, str, str]:
        """Run a program of the bundle in an empty environment; return its status and both outputs."""
        command: list[str | Path] = [self.bundle / program, *args]
        env = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP") if name in os.environ}
        if self.kind != "here":
            shutil.rmtree(self.folder, ignore_errors=True)
            for name in ("proc", "dev", "tmp", "bundle"):
                (self.folder / name).mkdir(parents=True)
            system = "/usr /bin /sbin /lib /lib64 /etc /nix"
            system = " ".join(folder for folder in system.split() if Path(folder).exists())
            if self.kind == "bare":
                system = ""
                self._copy_glibc()
                (self.folder / "etc").mkdir()  # many packages ask for the user's home
                (self.folder / "etc/passwd").write_bytes(b"root:x:0:0::/tmp:/bin/sh\n")
            command = [*NAMESPACE, "sh", "-c", IN_ROOT, "sh", self.folder, self.bundle, system]
            command += [f"/bundle/{program}", *args]
            env["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
        try:
            done = subprocess.run(
                command,
                cwd="/",
                env=env,
                input=stdin,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return -1, "", f"it did not end in {LIMIT} seconds"
        return done.returncode, done.stdout, done.stderr.strip()

    def _copy_glibc(self) -> None:
        from pyo3_uv.bundle.linux import loader, resolve

        folder = resolve(Path("/proc/self/exe").resolve())["libc.so.6"].parent  # type: ignore[union-attr]
        files = {file for pattern in GLIBC.split() for file in folder.glob(pattern)} | {loader()}
        for file in files:
            copy = Path(f"{self.folder}{file}")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)


def prove(app: App, table: Table, bundle: Path, environment: Path) -> list[str]:
    """Import what is installed, and start the program; return what is to be known.

    Raises `UserError` for a module that can be imported in the project but not in the bundle, for
    what the app's own code imports and nobody installs, and for a program that fails.
    """
    rooms = [Room(app.work / "root", bundle, kind) for kind in ("bare", "system")]
    notes = []
    if sys.platform != "linux" or not shutil.which("unshare") or rooms[1].run("../bin/true")[0]:
        rooms = [Room(app.work / "root", bundle, "here")]
        notes.append("tried beside this system, as nobody may make namespaces")
    modules, sources = modules_of(table, environment, app.own)
    rust = "".join(file.read_text("utf-8") for file in (app.project / "src").rglob("*.rs"))
    notes += try_imports(table, rooms, environment, modules, sources, rust)
    programs = sorted(row.place.name for row in table.files if row.reason == "program")
    name = app.package["name"] + (".exe" if table.windows else "")
    program = name if name in programs else programs[0]
    if not app.settings.smoke:
        notes.append("the program was not started, as smoke is empty")
    for room in rooms if app.settings.smoke else []:
        code, _, errors = room.run(program, *app.settings.smoke)
        if code == 0:
            break
        reason = (errors.splitlines() or [f"exit code {code}"])[-1]
        shown = " ".join([program, *app.settings.smoke])
        if room is rooms[-1]:
            raise UserError(f"{shown} in the bundle ends with {code}: {reason}")
        notes.append(f"{shown} needs something of the system: {reason}")
    with suppress(OSError):
        shutil.rmtree(app.work / "root")
    return notes


def try_imports(
    table: Table,
    rooms: Sequence[Room],
    environment: Path,
    modules: dict[str, str],
    sources: list[str],
    rust: str,
) -> list[str]:
    """Import modules in one room after the other, in each what failed in the one before."""
    python = str(table.executable)
    failed = dict.fromkeys(modules, "")
    first: dict[str, str] = {}
    for room in rooms:
        failed, absent = import_all(room, python, list(failed), sources)
        first = first or failed
        for source, name, in_python in absent:
            if re.search(rf"\b{name.split('.')[-1]}\b", rust):
                continue  # The program makes it, as by append_to_inittab!.
            top, *_ = parts = name.split(".")
            places = {folder.joinpath(*parts) for folder in (table.site, table.stdlib)}
            dropped = {
                row.place.with_suffix("") for row in table.rows.values() if row.reason == DROPPED
            }
            if any(places & {path, *path.parents} for path in dropped):
                why = "which `drop` in the settings names"
            elif in_python:
                why = "which this Python lacks; use another one"
            else:
                fix = f"run `uv add` with the package that has it, such as `uv add {top}`"
                why = f"which is no dependency; {fix}"
            raise UserError(
                f"{PurePosixPath(source).relative_to(table.site)} imports {name}, {why}"
            )
        if not failed:
            break
    in_project = failed
    if failed:
        here = subprocess.run(
            [executable_of(environment), "-I", "-c", IMPORT],
            input=json.dumps([list(failed), []]),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if here.returncode == 0:
            in_project = json.loads(here.stdout.splitlines()[-1])[0]
    notes: dict[str, list[str]] = defaultdict(list)
    for name, reason in first.items():
        if name not in failed:
            notes[f"of {modules[name]} needs something of the system: {reason}"].append(name)
        elif name not in in_project:
            what = f"{name} of {modules[name]}"
            raise UserError(f"{what} cannot be imported in the bundle: {failed[name]}")
        elif "." not in name:
            text = f"of {modules[name]} cannot be imported, nor in the project: {failed[name]}"
            notes[text].append(name)
    return [
        f"{names[0]}{f' (and {len(names) - 1} more)' if names[1:] else ''} {text}"
        for text, names in notes.items()
    ]


def import_all(
    room: Room, python: str, modules: list[str], sources: list[str]
) -> tuple[dict[str, str], list[tuple[str, str, bool]]]:
    """Return which modules cannot be imported, and why; and what sources name that is not there."""
    question = json.dumps([modules, sources])
    code, output, errors = room.run(python, "-B", "-c", IMPORT, stdin=question)
    if code == 0:
        failed, absent = json.loads(output.splitlines()[-1])
        return failed, absent
    reason = (errors.splitlines() or [f"ends with {code}"])[-1]
    if len(modules) < 2:
        return dict.fromkeys(modules, reason), []
    results = [import_all(room, python, [name], sources) for name in modules]
    return {k: v for failed, _ in results for k, v in failed.items()}, results[0][1]


def modules_of(table: Table, environment: Path, own: str) -> tuple[dict[str, str], list[str]]:
    """Return the modules to import, with their packages, and the sources of the app's package.

    Of the app's package these are all, of others the outermost ones and the extension modules, which
    may be imported later only. `__main__` would run.
    """
    modules, sources = {}, []
    for dist in installed(environment):
        paths = {PurePosixPath(str(file)) for file in dist.files or ()}
        there = {
            path
            for path in paths
            if not getattr(table.rows.get(table.site / path), "left_out", True)
        }
        packages = {path.parent for path in there if path.name == "__init__.py"}
        for path in sorted(there):
            if path.suffix not in CODE:
                continue
            is_own = canonicalize_name(dist.name) == own
            if is_own and path.suffix == ".py":
                sources.append(str(table.site / path))
            module = path.with_name(path.name.split(".")[0])
            module = module.parent if module.name == "__init__" else module
            inner = any(parent in packages for parent in module.parents)
            importable = all(part.isidentifier() and part != "__main__" for part in module.parts)
            if importable and (is_own or not inner or path.suffix != ".py"):
                modules[".".join(module.parts)] = dist.name
    return modules, sources
