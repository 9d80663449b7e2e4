"""Rendering the template: whole or not at all."""

import json
import warnings
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from pyo3_uv.edits.files import move_into_place, staging_folder
from pyo3_uv.edits.patch import Patch
from pyo3_uv.new.workspace import Member
from pyo3_uv.process import UserError

PUBLISHED = "gh:org/pyo3-uv-template"


def default_template() -> tuple[str, str | None]:
    """Return the checkout that this command runs from, else the published template and its commit.

    The commit is the one that the command was installed from, or the tag of its version.
    """
    checkout = Path(__file__).parents[3]
    if (checkout / "copier.yml").is_file():
        return str(checkout), None
    command = metadata.distribution("pyo3-uv")
    # https://packaging.python.org/en/latest/specifications/direct-url/
    origin = json.loads(command.read_text("direct_url.json") or "{}")
    commit = origin.get("vcs_info", {}).get("commit_id")
    return PUBLISHED, commit or f"v{command.version}"


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
    import copier  # takes a third of the command's start, which only `new` is to pay
    from copier.errors import CopierError, DirtyLocalWarning

    local = Path(template).expanduser()
    with staging_folder(destination) as folder, warnings.catch_warnings():
        # A checkout with changes is rendered with them; that is what whoever changes it wants.
        warnings.simplefilter("ignore", DirtyLocalWarning)
        project = folder / destination.name
        try:
            worker = copier.run_copy(
                str(local) if local.is_dir() else template,
                project,
                data={**answers, **member.fixed_answers(answers)},
                user_defaults=member.user_defaults,
                defaults=defaults,
                vcs_ref="HEAD" if local.is_dir() else commit,
                quiet=True,
            )
        except KeyboardInterrupt:
            raise  # CopierAnswersInterrupt is both
        except (CopierError, TemplateError, ValueError, OSError) as error:
            raise UserError(_reason(error)) from None
        questions = worker.template.questions_data
        if unknown := sorted(answers.keys() - questions.keys()):
            asked = ", ".join(
                name for name in questions if questions[name].get("when") is not False
            )
            raise UserError(f"no such question: {', '.join(unknown)}; there are {asked}", 2)
        if member:
            member.check_name(worker.answers.combined["project_name"])
            changes = Patch()
            member.adapt(project, changes)
            changes.write()
        with roots.written():
            move_into_place(project, destination)
        return {key: worker.answers.combined.get(key) for key in questions}


def _reason(error: Exception) -> str:
    """Return what git said, if it was git, else the last line of Copier's message."""
    if git := getattr(error, "stderr", None):
        return f"git: {git.strip()}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" |")]
    return lines[-1] if lines else type(error).__name__
