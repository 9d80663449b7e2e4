"""What of the template a project gets, and what is left alone, file by file."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jinja2
import yaml
from pathspec import GitIgnoreSpec

from pyo3_uv.adopt import build_script
from pyo3_uv.adopt.answers import Proposal
from pyo3_uv.adopt.candidate import ANSWERS_FILE, Candidate
from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts import git
from pyo3_uv.facts.project import Project, obstacle
from pyo3_uv.files import read_bytes, read_text
from pyo3_uv.git import ask
from pyo3_uv.paths import relative
from pyo3_uv.process import UserError
from pyo3_uv.rendering import render_into
from pyo3_uv.toml import Table
from pyo3_uv.trial.change import ConfigScope
from pyo3_uv.trial.outcome import Part

CARGO_CONFIG = ".cargo/config.toml"
NEED_TOOLS = {"docs", "benchmarks", "coverage"}
MERGED = ("Cargo.toml", "pyproject.toml")  # by the fixes, around what is there
RELEASES = (".github/workflows/", ".github/check-release.sh", ".github/pythons.json")


@dataclass
class Adoption:
    """How a project is adopted.

    `answers` are stored, `parts` are tried; `added` are the files that these add, by their names in
    the project, each with what else comes with it; `left` are those that are left alone, with the
    reason; `own` are the user's: the template renders such files once. `rendered` has the others.
    """

    answers: dict[str, Any]
    parts: list[Part] = field(default_factory=list)
    added: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    same: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    rendered: dict[str, bytes] = field(default_factory=dict)

    def in_own_form(self, root: Path) -> list[str]:
        """Return the template's files that are in the project at `root`, but not as rendered.

        Copier's update merges them, and shows a conflict wherever the template changed its lines.
        """
        there = {name: root / name for name in self.rendered if (root / name).is_file()}
        return [name for name, path in there.items() if read_bytes(path) != self.rendered[name]]

    @property
    def binds(self) -> bool:
        """Whether cargo's configuration is to name the environment, the user's own file too."""
        return CARGO_CONFIG in self.added or self.left.get(CARGO_CONFIG) == _YOURS[CARGO_CONFIG]


def plan(
    candidate: Candidate,
    proposal: Proposal,
    template: tuple[str, str | None],
    given: Mapping[str, Any],
    defaults: bool,
    config: ConfigScope | None = None,
    leave: Iterable[str] = (),
) -> Adoption:
    """Render the template with the proposed answers, and decide what becomes of each file.

    `given` are answers of the user's own, `config` says for whom cargo is configured, `leave` names
    files that are not wanted. Nothing is written into the project.

    Raises `UserError` for an answer that is refused, or a template that cannot be updated from.
    """
    source, commit = template
    check_template(source)
    with TemporaryDirectory(prefix="pyo3-uv-") as scratch:
        folder = Path(scratch).resolve() / candidate.root.name
        own = {key: value for key, value in given.items() if key not in proposal.fixed}
        check_given(proposal, given)
        rendered = render_into(
            folder, source, commit, own, proposal.fixed, proposal.answers, defaults
        )
        files = {path.relative_to(folder).as_posix(): path for path in sorted(_files(folder))}
        found = Adoption(yaml.safe_load(read_text(files[ANSWERS_FILE])))
        if chosen := sorted({*rendered.answers["extras"]} & NEED_TOOLS):
            raise UserError(
                f"{', '.join(chosen)} among extras would need more in pyproject.toml and Cargo.toml "
                "than adopt merges: leave it out",
                2,
            )
        if "_commit" not in found.answers:
            raise UserError(
                f"{source} is in no Git repository, from which copier update could work"
            )
        manifest = build_script.read_manifest(
            folder, str(rendered.answers["layout"]), str(rendered.answers["project_name"])
        )
        sort = _Sorting(candidate, rendered.answers, manifest, config, set(leave))
        once = _rendered_once(rendered.exclude, rendered.answers)
        for name, path in files.items():
            there = candidate.root / name
            if once.match_file(name):
                found.own.append(name)
                continue
            found.rendered[name] = path.read_bytes()
            if there.name in MERGED and there.exists():
                continue
            elif name == ".gitignore" and (missing := sort.not_ignored()):
                found.parts.append(Part(name, partial(_ignore, missing), harmless=True))
                found.added[name] = ", ".join(missing)
            elif there.is_file() and read_bytes(there) == found.rendered[name]:
                found.same.append(name)
            elif reason := sort.why_not(name):
                found.left[name] = reason
            else:
                found.parts.append(_part(name, path, manifest))
                raising = name.endswith("build.rs") and build_script.raises(
                    candidate.project, manifest
                )
                found.added[name] = raising or ""
        if ".gitattributes" in found.added and not any(n.endswith(".sh") for n in found.added):
            del found.added[".gitattributes"]
            found.parts = [part for part in found.parts if part.name != ".gitattributes"]
            found.left[".gitattributes"] = (
                "it is for shell scripts of the template, of which none is added"
            )
        return found


def check_template(source: str) -> None:
    """Raise `UserError` if a local template has changes: no update could find what was rendered."""
    local = Path(source).expanduser()
    if local.is_dir() and git.uncommitted(local, [local.resolve()]):
        raise UserError(f"the template in {local} has uncommitted changes: commit them first")


def check_given(proposal: Proposal, given: Mapping[str, Any]) -> None:
    """Raise `UserError` for an answer that the project itself gives."""
    for key, value in given.items():
        fixed = proposal.fixed.get(key)
        if fixed is not None and str(value).lower() != str(fixed).lower():
            raise UserError(f"{key} is {str(fixed).lower()} in this project: leave it out", 2)


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _rendered_once(exclude: Iterable[str], answers: Mapping[str, Any]) -> GitIgnoreSpec:
    """Return which files of a render an update leaves to the user."""
    environment = jinja2.Environment()
    patterns = [
        environment.from_string(text).render({**answers, "_copier_operation": "update"})
        for text in exclude
    ]
    return GitIgnoreSpec.from_lines(pattern for pattern in patterns if pattern)


def _part(name: str, path: Path, manifest: Table) -> Part:
    text = read_text(path)
    if name.endswith("build.rs"):
        return build_script.part(name, text, manifest)
    executable = bool(path.stat().st_mode & 0o100)
    return Part(name, partial(_add, name, text, executable), harmless=name != CARGO_CONFIG)


def _ignore(lines: list[str], project: Project, patch: Patch) -> None:
    path = project.package.folder / ".gitignore"
    text = patch.text(path)
    end = "" if text.endswith("\n") or not text else "\n"
    patch.files[path] = text + end + "".join(f"{line}\n" for line in lines)


def _add(name: str, text: str, executable: bool, project: Project, patch: Patch) -> None:
    path = project.package.folder / name
    patch.files[path] = text
    patch.executable |= {path} if executable else set()


@dataclass
class _Sorting:
    """Why a file of a render is not added to a project."""

    candidate: Candidate
    answers: Mapping[str, Any]
    manifest: Table
    config: ConfigScope | None
    leave: set[str]

    def why_not(self, name: str) -> str | None:
        """Say it; None if it is to be added."""
        there, root = self.candidate.root / name, self.candidate.root
        if name in self.leave:
            return "as you said"
        if name.endswith("build.rs"):
            return self._build_script(name)
        if name.endswith("Cargo.toml"):
            return f"the crate lies in {relative(self.candidate.project.folder, root)}"
        if name == ".gitignore" or there.exists() or there.is_symlink():
            return _YOURS.get(name, "yours stays as it is")
        ignored = ask(root, "check-ignore", "--quiet", "--", name)
        if ignored and ignored.code == 0 and name != ANSWERS_FILE:
            return "your .gitignore names it, so that no update would see it"
        checks: dict[str, Callable[[], str | None]] = {
            CARGO_CONFIG: self._cargo_config,
            ".python-version": self._python_version,
            "stubs.py": self._stubs,
        }
        if name.startswith(".github/") or name == ".pre-commit-config.yaml":
            return self._at_the_root(name)
        return checks[name]() if name in checks else None

    def _build_script(self, name: str) -> str | None:
        project, root = self.candidate.project, self.candidate.root
        if project.folder / "build.rs" != root / name:
            where = relative(project.folder, root)
            return f"the crate lies in {where}; an rpath is added there, if tests need one"
        if (root / name).exists() and not project.crate.build_script:
            return "yours is switched off by `build` in Cargo.toml"
        return build_script.why_not(project, self.manifest)

    def _cargo_config(self) -> str | None:
        """Who runs cargo there needs `.venv` then, in CI too: only where uv is what they use."""
        candidate, project = self.candidate, self.candidate.project
        environment, root = project.environment, candidate.root
        if self.config == ConfigScope.NONE:
            return "as you said"
        if (root / ".cargo/config").exists():
            return "there is .cargo/config, the older name of the same file"
        if project.crate.workspace != root and root.is_relative_to(project.crate.workspace):
            where = project.shown(project.crate.workspace)
            return (
                f"the Cargo workspace in {where} is built from there, where cargo does not read it; "
                "pyo3-uv fix --config committed writes one that holds"
            )
        if environment.folder.resolve() != (root / ".venv").resolve():
            return f"it names .venv, and the environment is {project.shown(environment.folder)}"
        if reason := obstacle(project):
            return reason
        if self.config or any(name.startswith("uv ") for name in candidate.commands):
            return None
        return (
            f"you build with {', '.join(candidate.commands) or 'no command that is known'}, and it "
            "binds everybody who runs cargo there to uv's .venv; --config committed adds it"
        )

    def _python_version(self) -> str | None:
        interpreter = self.candidate.project.environment.interpreter
        if interpreter and interpreter.minor != self.answers["python_version"]:
            return f"the environment has Python {interpreter.minor}, and uv would replace it"
        return None

    def _stubs(self) -> str | None:
        package = self.candidate.project.package
        folder = self.candidate.root / package.python_source
        name = (package.module or "").partition(".")[0]
        stubs = [*(folder / name).rglob("*.pyi"), *folder.glob(f"{name}.pyi")]
        if stubs:
            return (
                f"{relative(stubs[0], self.candidate.root)} is yours, and it would be written over"
            )
        return (
            "it needs a feature in Cargo.toml, and maturin and ruff among the development tools: "
            "see docs/stubs.md of the template"
        )

    def not_ignored(self) -> list[str]:
        """Return the template's lines of .gitignore for what is built, if Git does not ignore it.

        uv keeps Git out of an environment by a file in that, and a module without a Python package
        is installed there.
        """
        package = self.candidate.project.package
        folder = Path(package.python_source, (package.module or "").partition(".")[0])
        builds = {"/target/": "target/x"}
        if (self.candidate.root / folder).is_dir():
            builds |= {"*.so": (folder / "x.so").as_posix(), "*.pyd": (folder / "x.pyd").as_posix()}
        command = ("check-ignore", "--no-index", "--", *builds.values())
        result = ask(self.candidate.root, *command)
        ignored = result.stdout.splitlines() if result else []
        return [line for line, name in builds.items() if name not in ignored]

    def _at_the_root(self, name: str) -> str | None:
        candidate = self.candidate
        if candidate.subfolder:
            return "it is read at the root of the repository only"
        if candidate.workflows and name.startswith(RELEASES):
            names = ", ".join(candidate.workflows[:3])
            return f"you have workflows ({names}), and two would test and publish the same"
        if name.endswith("dependabot.yml") and (folder := candidate.root / ".github").is_dir():
            others = [
                p.name for p in folder.iterdir() if p.name.startswith(("dependabot.", "renovate"))
            ]
            if others:
                return f"you have {others[0]}"
        return None


_YOURS = {
    CARGO_CONFIG: "yours stays, with what is added for .venv, if that is safe",
}
