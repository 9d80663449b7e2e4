"""Rendering the template by Copier, into a folder of ours."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from pyo3_uv.process import UserError

PUBLISHED = "gh:org/pyo3-uv-template"


def default_template() -> tuple[str, str | None]:
    """Return the checkout that this command runs from, else the published template and its commit.

    The commit is the one that the command was installed from, or the tag of its version.
    """
    checkout = Path(__file__).parents[2]
    if (checkout / "copier.yml").is_file():
        return str(checkout), None
    command = metadata.distribution("pyo3-uv")
    # https://packaging.python.org/en/latest/specifications/direct-url/
    origin = json.loads(command.read_text("direct_url.json") or "{}")
    commit = origin.get("vcs_info", {}).get("commit_id")
    return PUBLISHED, commit or f"v{command.version}"


@dataclass(frozen=True)
class Rendered:
    """A render: the answers, and which files of the template an update leaves out, as patterns.

    The patterns are those of `_exclude`, as in .gitignore, before they are rendered themselves.
    """

    answers: dict[str, Any]
    exclude: tuple[str, ...]


def render_into(
    folder: Path,
    template: str,
    commit: str | None,
    answers: Mapping[str, Any],
    fixed: Mapping[str, Any],
    user_defaults: Mapping[str, Any],
    defaults: bool,
) -> Rendered:
    """Render `template` into a folder.

    `commit` None is a folder as it is, or the newest tag of a repository. `fixed` are answers that
    nobody is asked for, `answers` those that the user gave, `user_defaults` are defaults that are
    others than the template's. With `defaults` nothing is asked.

    Raises `UserError` for an answer that is refused, and `KeyboardInterrupt` at the prompts.
    """
    import copier  # takes a third of the command's start, which only what renders is to pay
    from copier.errors import CopierError, DirtyLocalWarning

    local = Path(template).expanduser()
    with warnings.catch_warnings():
        # A checkout with changes is rendered with them; that is what whoever changes it wants.
        warnings.simplefilter("ignore", DirtyLocalWarning)
        try:
            worker = copier.run_copy(
                str(local) if local.is_dir() else template,
                folder,
                data={**answers, **fixed},
                user_defaults=dict(user_defaults),
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
        asked = ", ".join(name for name in questions if questions[name].get("when") is not False)
        raise UserError(f"no such question: {', '.join(unknown)}; there are {asked}", 2)
    found = {key: worker.answers.combined.get(key) for key in questions}
    return Rendered(found, tuple(worker.template.exclude))


def _reason(error: Exception) -> str:
    """Return what git said, if it was git, else the last line of Copier's message."""
    if git := getattr(error, "stderr", None):
        return f"git: {git.strip()}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" |")]
    return lines[-1] if lines else type(error).__name__
