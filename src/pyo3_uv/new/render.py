"""Rendering a new project: whole or not at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyo3_uv.edits.files import move_into_place, staging_folder
from pyo3_uv.edits.patch import Patch
from pyo3_uv.new.workspace import Member
from pyo3_uv.process import UserError
from pyo3_uv.rendering import PUBLISHED, render_into


def check_destination(destination: Path) -> None:
    """Raise `UserError` if `destination` is neither absent nor an empty folder."""
    if destination.is_dir():
        taken = sorted(path.name for path in destination.iterdir() if path.name != ".git")
        if taken:
            raise UserError(
                f"{destination} is not empty ({', '.join(taken[:3])}); choose another folder. "
                "Copier itself can render into this one and asks about each file that is there: "
                f"copier copy {PUBLISHED} {destination}"
            )
    elif destination.exists() or destination.is_symlink():
        raise UserError(f"{destination} is there and is not a folder")


def render(
    template: str,
    commit: str | None,
    destination: Path,
    answers: Mapping[str, Any],
    defaults: bool,
    member: Member,
    roots: Patch,
) -> dict[str, Any]:
    """Render `template` into `destination`, whole or not at all, and return the answers.

    `commit` None is a folder as it is, or the newest tag of a repository. `roots` are the changes
    of the workspaces' files; they are made with the last step.

    Raises `UserError` for an answer that is refused, and `KeyboardInterrupt` at the prompts.
    """
    with staging_folder(destination) as folder:
        project = folder / destination.name
        fixed = member.fixed_answers(answers)
        rendered = render_into(
            project, template, commit, answers, fixed, member.user_defaults, defaults
        )
        if member:
            member.check_name(rendered.answers["project_name"])
            changes = Patch()
            member.adapt(project, changes)
            changes.write()
        with roots.written():
            move_into_place(project, destination)
        return rendered.answers
