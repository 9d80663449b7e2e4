"""What is tried, and what a trial showed of it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts.project import Project
from pyo3_uv.trial.loop import Loop

Fix = tuple[Path, str]  # the crate's folder, relative to the copy, and the id of the finding


@dataclass(frozen=True)
class Part:
    """A change that no finding calls for, such as a file that is added.

    `apply` is given the project in the copy. A part that is `harmless`, as no build reads it, is
    made in each attempt; others are left out if they break something.
    """

    name: str
    apply: Callable[[Project, Patch], object]
    harmless: bool = False


@dataclass
class Outcome:
    """What a trial of some fixes showed: what they change, and what was not applied, and why.

    `commands` are to be run in the folders beside them; `applied` has the fixes, each with what was
    seen last that called for it; `passed` is what passes with the changes, `fault` what is wrong
    with them; `loop` has the owner's commands with the changes, `benefit` says what became of them;
    `originals` are the files as they were then, None where there was none.
    """

    patch: Patch = field(default_factory=Patch)
    commands: list[tuple[Path, list[str]]] = field(default_factory=list)
    applied: dict[Fix, str] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    fault: str | None = None
    refused: dict[str, str] = field(default_factory=dict)
    loop: Loop = field(default_factory=dict)
    benefit: list[str] = field(default_factory=list)
    originals: dict[Path, bytes | None] = field(default_factory=dict)

    def moved(self, copy: Path, root: Path) -> "Outcome":
        """Return it for the project itself."""

        def of_project(text: str) -> str:
            return text.replace(str(copy), str(root))

        return replace(
            self,
            patch=Patch(
                {root / path.relative_to(copy): text for path, text in self.patch.files.items()},
                manual=[of_project(text) for text in self.patch.manual],
                executable={root / path.relative_to(copy) for path in self.patch.executable},
                root=root,
            ),
            commands=[(root / crate, [*map(of_project, words)]) for crate, words in self.commands],
            originals={root / path.relative_to(copy): c for path, c in self.originals.items()},
        )
