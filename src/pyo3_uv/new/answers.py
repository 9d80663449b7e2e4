"""The answers that the command line gives, and the Python of the new project."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pyo3_uv.facts.interpreters import Python, choose, preferred, pythons
from pyo3_uv.new.workspace import Member
from pyo3_uv.process import UserError


def read_answers(pairs: Sequence[str], file: Path | None) -> dict[str, Any]:
    """Return the answers of `file` (YAML, like .copier-answers.yml) and of KEY=VALUE `pairs`.

    Raises `UserError` (usage) for what cannot be read.
    """
    answers: dict[str, Any] = {}
    if file:
        try:
            loaded = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise UserError(f"{file} cannot be read as YAML: {error}", 2) from None
        if not isinstance(loaded, dict):
            raise UserError(f"{file} has no mapping of answers", 2)
        # _src_path and _commit say where the other project came from.
        answers = {key: value for key, value in loaded.items() if not key.startswith("_")}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UserError(f"-d {pair}: write KEY=VALUE", 2)
        answers[key] = value
    return answers


def choose_python(
    requested: str | None, answers: Mapping[str, Any], ask: bool, member: Member
) -> Python:
    """Return the Python for `.venv`: that of the uv workspace, else the requested one, else a
    choice at the prompt or the default.

    Raises `UserError` if there is none, or the workspace has another, and `KeyboardInterrupt`.
    """
    choices = pythons()
    answer = answers.get("python_version")
    if requested and answer:
        raise UserError("--python and the answer python_version name the same thing; give one", 2)
    request = requested or answer
    if member.uv:
        if python := member.python(str(request) if request else None, choices):
            return python
        if not request:
            choices = member.allowed(choices)
    if request is not None:
        python = choose(str(request), choices)
        if not python.interpreter and all(p.minor != python.minor for p in choices):
            raise UserError(
                f"Python {python.minor} is not installed, and uv has none to download "
                "(UV_PYTHON_DOWNLOADS, UV_OFFLINE?); install it, or choose with --python from: "
                + (", ".join(p.minor for p in choices if p.usable) or "none")
            )
        return python
    default = preferred(choices)
    if not default:
        raise UserError(
            "there is no Python that the template supports, and uv has none to download; "
            "install one, for instance with: uv python install\n"
            + "\n".join(f"  {python}" for python in choices)
        )
    if not ask:
        return default
    import questionary

    offered = {
        python: questionary.Choice(
            str(python), python, disabled=None if python.usable else "cannot be used"
        )
        for python in choices
    }
    choice = questionary.select(
        "Python version (the one uv puts into .venv)",
        choices=list(offered.values()),
        default=offered[default],
    ).unsafe_ask()
    assert isinstance(choice, Python)
    return choice
