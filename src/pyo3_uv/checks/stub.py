"""stubtest finds that the stub does not declare what the installed module has."""

import re
from pathlib import Path

from packaging.version import Version

from pyo3_uv import shell
from pyo3_uv.checks.finding import Evidence, Finding
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.project import Project
from pyo3_uv.files import read_bytes, text_to_search
from pyo3_uv.process import outer_environment, run

# The oldest PyO3 whose generated stubs were tried
INSPECT = Version("0.30")
SHOWN = 8
SCRIPT = ["uv", "run", "stubs.py"]  # the template's

# What is wrong by names, and where. stubtest also asks for @final and @disjoint_base on each class,
# which hardly any stub has; a class or a name that only the stub has may be for type checkers.
DIFFERENCE = re.compile(
    r"^error: (?P<text>\S+\.[^\W_]\w* is "
    r"(?:not present in stub|inconsistent.*|not present at runtime(?=\n.*\n(?:def|Overload)\b)))\n"
    r"Stub: in file (?P<file>.+?)(?::(?P<line>\d+))?$|"
    r"^(?P<unread>.+?\.pyi):(?P<at>\d+): error: (?P<error>.*\[syntax\])$",
    re.MULTILINE,
)
# An import may wait for something.
STUBTEST = (
    "import faulthandler, runpy; faulthandler.dump_traceback_later(120, exit=True); "
    "runpy.run_module('mypy.stubtest', run_name='__main__')"
)


def find(facts: Facts) -> Finding | None:
    project, module = facts.project, facts.project.package.module
    installed = facts.installed.module if facts.installed else None
    if not module or not installed or not project.package.pyproject_path:
        return None
    if not _stubs(installed, module):
        return None
    facts.step("stubtest")
    command, output = _stubtest(facts, module)
    found = list(DIFFERENCE.finditer(output))
    if not found:
        compared = re.search(r"^(Success|Found \d+ error)", output, re.MULTILINE)
        if compared and "failed to find stubs" not in output:
            facts.notes["stub"] = f"stubtest: names and parameters are those of {module}"
        return None
    texts = [match["text"] or match["error"] for match in found]
    stub = _source_of(project, Path(found[0]["file"] or found[0]["unread"]))
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    script = _has_script(project)
    return Finding(
        id="stub",
        severity="warning",
        title="the stub is not that of the installed module",
        seen=f"{project.shown(stub)}: {'; '.join(texts[:SHOWN])}{more}",
        evidence=Evidence(
            shell.join(command),
            "\n".join(texts[:SHOWN]),
            stub,
            next((int(line) for m in found if (line := m["line"] or m["at"])), None),
        ),
        effect="editors, type checkers and the docs go by the stub: they reject calls that work, or "
        "accept others",
        remedy=shell.join(SCRIPT) if script else _remedy(facts, stub),
        fix=(lambda patch: patch.commands.append(SCRIPT)) if script else None,
    )


def _stubs(installed: Path, module: str) -> list[Path]:
    """Return what stubs there may be for an installed module."""
    top, _, rest = module.partition(".")
    if rest or installed.name == "__init__.py":  # maturin's own package around a module
        folder = installed.parents[rest.count(".")] if rest else installed.parent
        return [*folder.rglob("*.pyi"), *folder.parent.glob(f"{top}-stubs")]
    return [*installed.parent.glob(f"{top}.pyi"), *installed.parent.glob(f"{top}-stubs")]


def _stubtest(facts: Facts, module: str) -> tuple[list[str], str]:
    """Run stubtest, that of the environment or one of uv's; return the command and its output."""
    python = str(facts.project.environment.executable)
    env = outer_environment() | {"PYTHONDONTWRITEBYTECODE": "1"}  # it imports the package
    command = [python]
    result = run([*command, "-c", STUBTEST, module], facts.probe.crate, env)
    if re.search("No module named '?mypy", result.output):
        command = ["uv", "run", "--no-project", "--python", python, "--with", "mypy", "python"]
        result = run([*command, "-c", STUBTEST, module], facts.probe.crate, env)
    shown = [facts.project.shown(python) if word == python else word for word in command]
    return [*shown, "-m", "mypy.stubtest", module], result.stdout


def _has_script(project: Project) -> bool:
    return "generate-stubs" in text_to_search(project.package.folder / "stubs.py")


def _source_of(project: Project, stub: Path) -> Path:
    """Return the project's file of which an installed stub is a copy, if there is one."""
    root, module = project.package.folder, project.package.module or ""
    if not stub.is_relative_to(root) or project.environment.folder in stub.parents:
        source = root / project.package.python_source / module.replace(".", "/")
        for path in (source.with_suffix(".pyi"), source / "__init__.pyi"):
            if path.is_file() and read_bytes(path) == read_bytes(stub):
                return path
    return stub


def _remedy(facts: Facts, stub: Path) -> str:
    project, version = facts.project, facts.pyo3_version
    remedy = f"declare in {project.shown(stub)} what the module has"
    if project.package.maturin and version and version >= INSPECT:
        remedy += (
            "; or have it written, which replaces it: uvx maturin generate-stubs "
            "--features pyo3/extension-module,pyo3/experimental-inspect "
            f"--out {shell.quote(project.package.python_source)}"
        )
    return remedy
