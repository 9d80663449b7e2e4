"""The answers that a project gives by what it has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pyo3_uv import template_texts
from pyo3_uv.adopt.candidate import Candidate
from pyo3_uv.facts.interpreters import preferred, pythons
from pyo3_uv.files import read_text, text_to_search
from pyo3_uv.toml import lookup, lookup_list, lookup_text

LICENSES = {
    "mit": "MIT",
    "apache-2.0": "Apache-2.0",
    "mit or apache-2.0": "MIT OR Apache-2.0",
    "apache-2.0 or mit": "MIT OR Apache-2.0",
}
# How the texts start, for those who name no identifier
_LICENSE_TEXTS = {"MIT": r"\bMIT License|\bPermission is hereby granted, free of charge"}
_LICENSE_TEXTS["Apache-2.0"] = r"\bApache License\s+Version 2\.0"


@dataclass
class Proposal:
    """Answers that are proposed, those that are fixed, and what the template cannot say, by reasons.

    `notes` are by the name of the question.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def propose(candidate: Candidate, given: Mapping[str, Any]) -> Proposal:
    """Return what the project's files say. `given` are the user's own answers.

    Raises `UserError` if no Python is there that the template knows.
    """
    found, project = Proposal(), candidate.project
    pyproject, crate = project.package.pyproject, project.crate
    author = _author(lookup_list(pyproject, "project", "authors"), crate.package["authors"])
    found.answers = {
        "project_name": project.package.distribution,
        "description": _line(
            lookup_text(pyproject, "project", "description") or crate.package["description"] or ""
        ),
        "author_name": author[0],
        "author_email": author[1],
        "repository": candidate.repository,
        "license": _license(candidate, found),
        "python_version": _python_version(candidate, found),
    }
    version = str(given.get("python_version") or found.answers["python_version"])
    found.answers["python_min"] = _python_min(candidate, version, found)
    found.answers["abi"] = _abi(candidate, version, str(given.get("python_min") or ""), found)
    found.answers["windows"] = found.answers["abi"] == "version" and project.cargo.by_virtual_env
    found.answers["extras"] = _extras(candidate, found)
    found.fixed = {"kind": "extension", "layout": _layout(candidate), "example": False}
    return found


def _line(text: str) -> str:
    """Return text as the template takes it: one line without control characters."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f]+", " ", text).split())


def _author(authors: list[Any], of_crate: list[str]) -> tuple[str, str]:
    """Return the first author's name and address."""
    for author in authors:
        if isinstance(author, dict):
            name, email = author.get("name", ""), author.get("email", "")
            return _line(str(name)), _line(str(email))
    for text in of_crate:
        match = re.fullmatch(r"([^<]*)(?:<([^>]*)>)?", text)
        return (_line(match[1]), _line(match[2] or "")) if match else ("", "")
    return "", ""


def _license(candidate: Candidate, found: Proposal) -> str:
    """Return the licence, if the template has it: it renders no other."""
    pyproject = candidate.project.package.pyproject
    named = lookup(pyproject, "project", "license")
    text = named.get("text", "") if isinstance(named, dict) else named or ""
    text = str(text or candidate.project.crate.package.get("license") or "").strip()
    classifiers = map(str, lookup_list(pyproject, "project", "classifiers"))
    if any(line.startswith("Private ::") for line in classifiers):
        return "Proprietary"
    normal = re.sub(r"\s*/\s*", " or ", text.lower())
    if normal in LICENSES:
        return LICENSES[normal]
    files = sorted(candidate.root.glob("LICEN[CS]E*"))
    if not text:
        texts = " ".join(text_to_search(path) for path in files)
        has = [name for name, pattern in _LICENSE_TEXTS.items() if re.search(pattern, texts)]
        if has:
            return " OR ".join(has)
        found.notes["license"] = "yours is not named; nothing is written of it"
        return "MIT"
    found.notes["license"] = (
        f"yours is {_line(text)[:60]}, which the template does not offer, and it stays; the answer "
        "only decides whether a release is published"
    )
    return "MIT"


def _python_version(candidate: Candidate, found: Proposal) -> str:
    """Return the Python that `.venv` has, or that is pinned, else the newest that is installed."""
    supported = template_texts.python_versions()
    pin, environment = candidate.root / ".python-version", candidate.project.environment
    pinned = (
        re.match(r"\s*(?:cpython[@-])?(3\.\d+)(?:\.\d+)?(t?)", read_text(pin))
        if (pin.is_file())
        else None
    )
    has = environment.interpreter.minor if environment.interpreter else ""
    names = [has, f"{pinned[1]}{pinned[2]}" if pinned else ""]
    if fitting := [name for name in names if name in supported]:
        return fitting[0]
    default = preferred(pythons())
    version = default.minor if default else supported[-1]
    if old := next(filter(None, names), ""):
        found.notes["python_version"] = (
            f"yours is Python {old}, which the template does not offer; your environment stays"
        )
    return version


def _python_min(candidate: Candidate, version: str, found: Proposal) -> str:
    """Return the oldest Python that requires-python names, if the template knows it."""
    supported = [v for v in template_texts.python_versions() if not v.endswith("t")]
    requires = lookup_text(candidate.project.package.pyproject, "project", "requires-python")
    try:
        bounds = SpecifierSet(requires)
    except InvalidSpecifier:
        bounds = SpecifierSet()
    fitting = [v for v in supported if bounds.contains(v) or bounds.contains(f"{v}.99")]
    newest = version.rstrip("t")
    allowed = [v for v in fitting if int(v[2:]) <= int(newest[2:])]
    lowest = allowed[0] if allowed else newest
    known = any(s.operator in (">=", ">", "==", "~=") for s in bounds)
    if not known or any(bounds.contains(f"3.{minor}.99") for minor in range(int(supported[0][2:]))):
        found.notes["python_min"] = (
            f"requires-python is {requires or 'not set'}, and the template starts at {lowest}; "
            "yours stays in pyproject.toml"
        )
    return lowest


def _abi(candidate: Candidate, version: str, python_min: str, found: Proposal) -> str:
    """Return which wheels are built, by PyO3's features: in the manifest, or as maturin passes them."""
    project, key = candidate.project, candidate.project.crate.key
    names = {name for d in project.crate.pyo3(None) for name in d["features"]}
    names |= {name.rpartition("/")[2] for name in project.features.default if key in name}
    for name in project.features.packaged:
        names |= {n.rpartition("/")[2] for n in project.features.on(name) if key in n}
    if any(name.startswith("abi3t") for name in names):
        if (python_min or found.answers["python_min"]) == "3.15":
            return "abi3t"
        found.notes["abi"] = "abi3t needs python_min 3.15 in the template"
    if any(re.match(r"abi3(-|$)", name) for name in names):
        if not version.endswith("t"):
            return "abi3"
        found.notes["abi"] = f"abi3 is yours, and Python {version} has none"
    return "version"


def _layout(candidate: Candidate) -> str:
    """Return `workspace` where the crates lie as the template has them."""
    name = candidate.project.package.distribution
    crates = candidate.root / "crates"
    fits = candidate.project.folder == crates / f"{name}-python"
    is_root = candidate.project.crate.workspace == candidate.root
    return "workspace" if fits and is_root and (crates / name).is_dir() else "single"


def _extras(candidate: Candidate, found: Proposal) -> list[str]:
    """Return which of the host's files are proposed: those that replace nothing of the user's.

    The workflow `ci.yml` runs ruff, mypy and stubtest with the template's settings, which only who
    wants them can choose.
    """
    if candidate.host != "github.com":
        where = f"the repository is on {candidate.host}" if candidate.host else "no remote is named"
        found.notes["extras"] = f"{where}: no files for GitHub are proposed"
        return []
    if candidate.subfolder:
        found.notes["extras"] = "GitHub reads .github at the root of the repository only"
        return []
    folder, chosen = candidate.root / ".github", []
    own = candidate.workflows
    found.notes["extras"] = (
        f"github is left out, as there are workflows: {', '.join(own[:3])}"
        if own
        else "github is left out: its ci.yml also runs ruff, mypy --strict and stubtest; "
        "-d extras=[github] adds it"
    )
    names = ("dependabot.yml", "dependabot.yaml", "renovate.json", "renovate.json5")
    places = (folder, candidate.root)
    updates = [n for n in names for place in places if (place / n).exists()]
    updates += [n for n in (".renovaterc", ".renovaterc.json") if (candidate.root / n).exists()]
    if updates:
        found.notes["extras"] += f"; dependabot, as there is {updates[0]}"
    else:
        chosen.append("dependabot")
    return chosen
