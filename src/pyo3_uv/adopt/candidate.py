"""The project that is to be adopted: what it is, and why some are not."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from pyo3_uv.facts import git
from pyo3_uv.facts.discovery import load
from pyo3_uv.facts.owner_commands import commands_of
from pyo3_uv.facts.project import Project
from pyo3_uv.files import read_text
from pyo3_uv.git import ask, root_of
from pyo3_uv.paths import relative
from pyo3_uv.process import UserError
from pyo3_uv.toml import lookup, lookup_table

ANSWERS_FILE = ".copier-answers.yml"  # Copier's own name for it
NAME = "pyo3-uv-template"  # of the template's repository, wherever that is


@dataclass(frozen=True)
class Candidate:
    """An extension project with a clean tree: `root` has its pyproject.toml, `top` its `.git`."""

    project: Project
    root: Path
    top: Path

    @property
    def subfolder(self) -> str:
        """Where it lies in its repository; "" at the root of that."""
        return "" if self.root == self.top else relative(self.root, self.top)

    @cached_property
    def workflows(self) -> list[str]:
        """The names of its own workflows."""
        return sorted(path.name for path in self.root.glob(".github/workflows/*.y*ml"))

    @cached_property
    def commands(self) -> list[str]:
        """The commands with which the owners build and test it."""
        return commands_of(self.project)

    @property
    def develops(self) -> bool:
        """Whether the owners run `maturin develop`, which uses another interpreter than uv does."""
        return any("maturin develop" in command for command in self.commands)

    @cached_property
    def remote(self) -> str:
        """The URL of the remote `origin`, as a browser takes it; "" without one."""
        result = ask(self.top, "config", "--get", "remote.origin.url")
        url = result.stdout.strip() if result and result.code == 0 else ""
        if "://" not in url and ":" in url:  # git@github.com:ada/made.git
            url = "ssh://" + url.replace(":", "/", 1)
        parts = urlsplit(url)
        if not parts.hostname or parts.scheme not in ("http", "https", "ssh", "git"):
            return ""
        return f"https://{parts.hostname}{parts.path.rstrip('/').removesuffix('.git')}"

    @cached_property
    def urls(self) -> dict[str, str]:
        """[project.urls], by names in lower case."""
        table = lookup_table(self.project.package.pyproject, "project", "urls")
        return {key.lower(): url for key, url in table.items() if isinstance(url, str)}

    @property
    def repository(self) -> str:
        """The URL of its repository: as the manifests have it, else that of the remote."""
        named = [
            self.urls.get(key, "") for key in ("repository", "source", "source code", "github")
        ]
        named += [str(self.project.crate.package.get("repository") or ""), self.remote]
        named += [self.urls.get("homepage", "")]
        found = next(filter(None, named), "").rstrip("/").removesuffix(".git")
        return found if found.startswith(("https://", "http://")) else ""

    @property
    def host(self) -> str:
        """Where its repository is: `github.com`; "" if nothing tells."""
        return urlsplit(self.remote or self.repository).hostname or ""


def candidate_of(path: Path, template: str) -> Candidate | None:
    """Return the project that `path` stands for; None if it is one of the template's already.

    Raises `UserError`, in a line, for one that cannot be adopted.
    """
    project = load(path)
    package, crate = project.package, project.crate
    root = package.root
    if adopted := _answers(root or project.folder):
        source = str(adopted.get("_src_path", ""))
        name = source.rstrip("/").removesuffix(".git").rpartition("/")[2]
        if name == NAME or source == template:
            return None
        raise UserError(
            f"{root} was made from another template, {source or 'which it does not name'}"
        )
    backend = package.extension.backend if package.extension else ""
    if backend == "setuptools-rust":
        raise UserError(
            f"{package.distribution} is built by setuptools-rust; adopt needs maturin: "
            "https://www.maturin.rs/migration"
        )
    if not crate.lib_name or not root or not backend:
        if any("bin" in target["kind"] for target in crate.targets) or project.starts_python:
            raise UserError(
                f"{crate.name} is a program that embeds Python, not an extension: make a new "
                "project with kind=app, and move your code there"
            )
        what = (
            f"the build backend is {package.build_backend}"
            if package.build_backend
            else ("no pyproject.toml has a build backend")
        )
        raise UserError(f"{crate.name} is not built by maturin: {what}")
    if not package.pyproject_path or not lookup(package.pyproject, "project", "name"):
        raise UserError(f"{root}/pyproject.toml has no [project] with a name, which uv needs")
    top = root_of(root)
    if not top:
        raise UserError(f"{root} is in no Git repository: git init, and commit it first")
    _check_clean(top, project, root)
    return Candidate(project, root.resolve(), top)


def _answers(root: Path) -> dict[str, Any]:
    """Return what `.copier-answers.yml` has; {} without one."""
    path = root / ANSWERS_FILE
    try:
        found = yaml.safe_load(read_text(path)) if path.exists() else {}
    except yaml.YAMLError:
        found = None
    return found if isinstance(found, dict) else {"_src_path": ""}


def _check_clean(top: Path, project: Project, root: Path) -> None:
    """Raise `UserError` if tracked files have changes, or a manifest is not tracked.

    What is written could not be told from these, or taken back. Other files that Git does not know,
    as what cargo builds where .gitignore does not name it, are no obstacle.
    """
    changes = git.uncommitted(top, {root, project.folder, project.crate.workspace}).splitlines()
    manifests = (root / "pyproject.toml", project.crate.manifest_path)
    changes += [f"?? {relative(path, top)}" for path in manifests if not git.is_tracked(path)]
    if changes:
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        raise UserError(
            f"there are uncommitted changes ({changes[0].strip()}{more}): commit them first, so "
            "that what is written can be reviewed and undone"
        )
