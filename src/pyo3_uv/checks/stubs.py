"""Whether the stub declares what the installed module has, by names; stubtest compares types."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.version import Version

from pyo3_uv.checks.base import Check
from pyo3_uv.plan import Plan
from pyo3_uv.process import run
from pyo3_uv.toml_edit import lookup

# The oldest PyO3 whose generated stubs were tried
INSPECT = Version("0.30")
SHOWN = 8


class Stub(Check):
    id = "stub"
    title = "the stub is not that of the installed module"
    effect = (
        "editors, type checkers and the docs go by the stub: they reject calls that work, or accept "
        "others"
    )

    def find(self) -> str | None:
        project = self.project
        if not project.module or not project.interpreter or not project.pyproject_path:
            return None
        # In a folder of its own, so that no module of the project is imported from the sources.
        script = [str(project.venv_python), "-B", "-c", _DESCRIBE, project.module]
        result = run(script, self.context.probe.crate)
        try:
            module = json.loads(result.stdout.splitlines()[-1])
        except (ValueError, IndexError):
            return None  # ModuleMissing finds that, or the module's own error
        stub = _stub_of(Path(module["file"]), project.module)
        if not stub:
            return None
        stub = self._source_of(stub)
        try:
            declared = read(stub.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError) as error:
            self._set_fix(stub)
            self.show(stub, "")
            return f"{project.shown(stub)} cannot be read: {error}"
        differences = compare(module["names"], declared)
        if not differences:
            self.context.facts["stub"] = f"{project.shown(stub)} has the names of the module"
            return None
        self._set_fix(stub)
        self.file = stub
        self.command = f"{project.shown(project.venv_python)} -c 'import {project.module} as m; print(*vars(m))'"
        self.output = " ".join(module["names"])
        more = f" and {len(differences) - SHOWN} more" if len(differences) > SHOWN else ""
        return f"{project.shown(stub)}: {'; '.join(differences[:SHOWN])}{more}"

    @property
    def _script(self) -> Path | None:
        """The template's stubs.py, if the project has it."""
        assert self.project.pyproject_path
        script = self.project.pyproject_path.with_name("stubs.py")
        return script if script.exists() and "generate-stubs" in script.read_text("utf-8") else None

    def _source_of(self, stub: Path) -> Path:
        """Return the project's file of which an installed stub is a copy, if there is one."""
        root, text = self.project.package_root, stub.read_bytes()
        source = lookup(self.project.pyproject, "tool", "maturin", "python-source") or "."
        if (root and not stub.is_relative_to(root)) or self.project.venv in stub.parents:
            assert root and self.project.module
            module = root / source / self.project.module.replace(".", "/")
            for path in (module.with_suffix(".pyi"), module / "__init__.pyi"):
                if path.is_file() and path.read_bytes() == text:
                    return path
        return stub

    def _set_fix(self, stub: Path) -> None:
        version = self.context.pyo3_version
        self.fix = "uv run stubs.py"
        if not self._script:
            self.fix = f"declare in {self.project.shown(stub)} what the module has"
            if self.project.maturin and version and version >= INSPECT:
                source = lookup(self.project.pyproject, "tool", "maturin", "python-source") or "."
                self.fix += (
                    "; or have it written, which replaces it: uvx maturin generate-stubs "
                    "--features pyo3/extension-module,pyo3/experimental-inspect "
                    f"--out {source}"
                )

    def apply(self, plan: Plan) -> None:
        if self._script:
            plan.commands.append(["uv", "run", "stubs.py"])
        else:
            self.leave_to_user(plan)


# Printed at last, as an import may print something. Signatures are those of __text_signature__.
_DESCRIBE = """
import faulthandler, importlib, inspect, json, sys, types

faulthandler.dump_traceback_later(60, exit=True)  # an import may wait for something

def parameters(function):
    try:
        return [p.name for p in inspect.signature(function).parameters.values()]
    except (TypeError, ValueError):
        return None

def describe(value):
    if isinstance(value, type):
        members = {name for kind in value.__mro__[:-1] for name in vars(kind)}
        own = [n for n in vars(value) if not n.startswith("_")]
        return {"kind": "class", "own": own, "members": sorted(members)}
    if isinstance(value, types.ModuleType):
        return {"kind": "module"}
    if callable(value):
        return {"kind": "function", "parameters": parameters(value)}
    return {"kind": "value"}

module = importlib.import_module(sys.argv[1])
public = getattr(module, "__all__", vars(module))
names = {name: describe(getattr(module, name)) for name in vars(module)}
for name, described in names.items():
    private = name.startswith("_") or described["kind"] == "module"
    described["public"] = name in public and not private
print("\\n" + json.dumps({"file": module.__file__, "names": names}))
"""


def _stub_of(file: Path, module: str) -> Path | None:
    """Return the stub beside an installed module, if there is one."""
    last = module.rpartition(".")[2]
    folder, package = file.parent, module.partition(".")[0]
    places = [folder / f"{last}.pyi", folder / last / "__init__.pyi"]
    if file.name == "__init__.py":  # maturin's own package around a module
        places = [folder / "__init__.pyi"]
    for parent in folder.parents:
        places.append(parent / f"{package}-stubs" / f"{last}.pyi")
        if parent.name == "site-packages":
            break
    return next((place for place in places if place.is_file()), None)


@dataclass
class Scope:
    """What a stub declares in a module or a class.

    `names` may be there, as they are in a branch or only for type checkers, `certain` are. A scope
    that is `open` may have more than it names.
    """

    names: set[str] = field(default_factory=set)
    certain: set[str] = field(default_factory=set)
    functions: dict[str, list[str] | None] = field(default_factory=dict)
    classes: dict[str, Scope] = field(default_factory=dict)
    open: bool = False


def read(text: str) -> Scope:
    """Return what a stub declares; raise `SyntaxError` if it is none."""
    return _scope(ast.parse(text).body)


def _statements(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield all statements, and whether they hold everywhere: those of a branch may not."""
    for node in body:
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            for block in ("body", "orelse", "finalbody"):
                yield from ((inner, False) for inner, _ in _statements(getattr(node, block, [])))
            for handler in getattr(node, "handlers", []):
                yield from ((inner, False) for inner, _ in _statements(handler.body))
        else:
            yield node, True


def _scope(body: list[ast.stmt]) -> Scope:
    scope = Scope()
    for node, certain in _statements(body):
        names: set[str] = set()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names, known = {name}, name in scope.functions  # overloads, or a property's setter
                scope.functions[name] = None if known else _parameters(node)
                scope.open |= name == "__getattr__"
            case ast.ClassDef(name=name):
                scope.names.add(name)
                scope.classes[name] = inner = _scope(node.body)
                bases = [ast.unparse(base).partition("[")[0] for base in node.bases]
                for base in bases:
                    known_base = scope.classes.get(base)
                    inner.names |= known_base.names if known_base else set()
                    inner.open |= known_base.open if known_base else base != "object"
                marks = {text.rpartition(".")[2] for text in bases}
                marks |= {ast.unparse(mark).rpartition(".")[2] for mark in node.decorator_list}
                names = set() if marks & TYPING_ONLY else {name}
            case ast.AnnAssign(target=ast.Name(id=name)):
                scope.names.add(name)
                names = set() if "TypeAlias" in ast.unparse(node.annotation) else {name}
            case ast.Assign(targets=targets):
                scope.names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                scope.open |= any(alias.name == "*" for alias in aliases)
                scope.names |= {alias.asname or alias.name for alias in aliases}
        scope.names |= names
        if certain:
            scope.certain |= {name for name in names if not name.startswith("_")}
    return scope


# Classes of these bases, or with this decorator, may be in a stub alone.
TYPING_ONLY = {"Protocol", "TypedDict", "NamedTuple", "type_check_only"}


def _parameters(node: Any) -> list[str] | None:
    """Return the names of a function's parameters; None where the stub may say it otherwise."""
    arguments = node.args
    if arguments.vararg or arguments.kwarg or node.decorator_list:
        return None
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return None if any(name.startswith("__") for name in names) else names


def compare(module: dict[str, Any], stub: Scope) -> list[str]:
    """Return how a stub differs from a module, as texts for people.

    Types are left to stubtest, and where it is not certain that something is wrong, nothing is.
    """
    public = [name for name, described in module.items() if described["public"]]
    absent = [] if stub.open else [name for name in public if name not in stub.names]
    extra = [name for name in sorted(stub.certain) if name not in module]
    changed = []
    for name in public:
        described, inner = module[name], stub.classes.get(name)
        if described["kind"] == "class" and inner:
            if not inner.open:
                absent += [f"{name}.{own}" for own in described["own"] if own not in inner.names]
            members = set(described["members"])
            extra += [
                f"{name}.{own}"
                for own in sorted(inner.certain & inner.functions.keys())
                if own not in members
            ]
        parameters, declared = described.get("parameters"), stub.functions.get(name)
        if parameters is not None and declared is not None and parameters != declared:
            changed.append(
                f"{name}({', '.join(parameters)}) is declared with ({', '.join(declared)})"
            )
    differences = [f"lacks {name}" for name in absent]
    return [*differences, *(f"declares {name}, which is not there" for name in extra), *changed]
