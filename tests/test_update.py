"""`copier update` in a project that was made from an older release and edited since."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path

import copier
import pytest

from pyo3_uv.interpreters import Interpreter

from .commands import ROOT, clean_environment, commit_all, git, run, uv
from .projects import EXTRAS, replace, stored
from .pythons import sync

OLD, NEW = "v0.0.1", "v0.0.2"


@pytest.fixture(scope="module")
def releases(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with two releases: an older one that differs as releases do, and HEAD.

    The older one does not ask for `layout`, `windows` and `extras`, has another version of PyO3, a
    sentence less in README.md and a file that is gone since.
    """
    repository = tmp_path_factory.mktemp("releases") / "pyo3-uv-template"
    shutil.copytree(template, repository)
    files = repository / "template"
    questions = repository / "copier.yml"
    text = questions.read_text(encoding="utf-8")
    derived = "{}:\n  type: json\n  default: '{}'\n  when: false\n\n"
    for start, end, unasked in [
        ("layout:\n", "# Dates:", derived.format("layout", '"single"')),
        (
            "windows:\n",
            "# ----",
            derived.format("windows", "false") + derived.format("extras", "[]"),
        ),
    ]:
        before, _, asked = text.partition(start)
        text = before + unasked + asked[asked.index(end) :]
    questions.write_text(text, encoding="utf-8")
    [manifest] = files.glob("*layout == 'single'*Cargo.toml*")
    replace(manifest, '"0.30", f', '"0.29", f')
    [readme] = files.glob("*kind == 'extension'*README.md*")
    replace(readme, " Nothing has to be activated:", "")
    (files / "Makefile").write_text("test:\n\tcargo test\n")
    commit_all(repository, "older")
    git(repository, "tag", OLD)

    git(repository, "checkout", "--quiet", "HEAD~", "--", ".")
    (files / "Makefile").unlink()
    commit_all(repository, "newer")
    git(repository, "tag", NEW)
    assert git(repository, "diff", "HEAD", "HEAD~2") == ""
    return repository


@pytest.fixture
def project(releases: Path, tmp_path: Path) -> Path:
    """Return a project made from the older release, in git."""
    folder = tmp_path / "my-project"
    copy = ["copy", "--defaults", "--vcs-ref", OLD, "-d", "python_version=3.12"]
    command(tmp_path, *copy, "-d", "author_name=Ada", str(releases), str(folder))
    commit_all(folder)
    return folder


def command(cwd: Path, *args: str) -> str:
    return run([sys.executable, "-m", "copier", *args], cwd, clean_environment()).output


def contents(project: Path) -> dict[str, str]:
    names = git(project, "ls-files", "--cached", "--others", "--exclude-standard").split()
    paths = {name: project / name for name in names}
    return {name: p.read_text(encoding="utf-8") for name, p in paths.items() if p.exists()}


def test_update_keeps_edits_and_equals_a_fresh_render(
    releases: Path, project: Path, tmp_path: Path
) -> None:
    """The user has bumped the version, added a dependency, a test and a question's answer."""
    assert (project / "Makefile").exists()
    edits = [
        ("Cargo.toml", 'version = "0.1.0"', 'version = "0.2.0"'),
        ("Cargo.toml", 'serde_json = "1"\n', 'serde_json = "1"\nrayon = "1"\n'),
        ("pyproject.toml", "[tool.mypy]\n", "[tool.mypy]\npretty = true\n"),
        ("src/lib.rs", "pub mod users;\n", "mod groups;\npub mod users;\n"),
    ]
    for name, old, new in edits:
        replace(project / name, old, new)
    (project / "src/groups.rs").write_text("//! Mine.\n")
    commit_all(project, "edits")

    output = command(project, "update", "--defaults")
    assert "is up to date with the template" in output

    fresh = tmp_path / "fresh"
    copy = ["copy", "--defaults", "--vcs-ref", NEW, "-d", "python_version=3.12"]
    names = ["-d", "author_name=Ada", "-d", "project_name=my-project", "-d", "extras=[]"]
    command(tmp_path, *copy, *names, str(releases), str(fresh))
    for name, old, new in edits:
        replace(fresh / name, old, new)
    (fresh / "src/groups.rs").write_text("//! Mine.\n")
    commit_all(fresh)
    assert contents(project) == contents(fresh)
    assert not (project / "Makefile").exists()


def test_conflicting_edit_leaves_markers_and_loses_nothing(project: Path) -> None:
    mine = 'pyo3 = { version = "0.29.1", features = ["abi3-py311", "serde", "num-bigint"] }'
    replace(
        project / "Cargo.toml",
        'pyo3 = { version = "0.29", features = ["abi3-py311", "serde"] }',
        mine,
    )
    commit_all(project, "edit")
    command(project, "update", "--defaults")
    merged = (project / "Cargo.toml").read_text()
    ours, theirs = merged.split("<<<<<<<")[1].split(">>>>>>>")[0].split("=======")
    assert mine in ours
    assert 'version = "0.30"' in theirs
    assert git(project, "show", "HEAD:Cargo.toml").count(mine) == 1


def test_file_that_the_template_dropped(project: Path) -> None:
    """Copier deletes it, edited or not; README says so, and git has it."""
    replace(project / "Makefile", "cargo test", "cargo test --all-targets")
    commit_all(project, "edit")
    command(project, "update", "--defaults")
    assert " D Makefile\n" in git(project, "status", "--short")
    git(project, "restore", "Makefile")
    assert "--all-targets" in (project / "Makefile").read_text()


def test_old_answers_keep_their_meaning(project: Path) -> None:
    """A question that is new since then gets the default that reproduces the old output."""
    before = (project / ".cargo/config.toml").read_text()
    command(project, "update", "--defaults")
    assert (project / ".cargo/config.toml").read_text() == before
    answers = stored(project)
    assert answers["layout"] == "single"
    assert answers["windows"] is False
    assert answers["extras"] == []
    assert not (project / ".github").exists()
    assert answers["_commit"] == NEW


def test_extras_can_be_added_later(project: Path) -> None:
    command(project, "update", "--defaults", "-d", "extras=[vscode]")
    assert (project / ".vscode/settings.json").exists()
    commit_all(project)
    command(project, "update", "--defaults", "-d", "extras=[]")
    assert not (project / ".vscode/settings.json").exists()


def test_changed_answer(project: Path) -> None:
    command(project, "update", "--defaults", "-d", "python_version=3.13", "-d", "abi=version")
    assert (project / ".python-version").read_text() == "3.13\n"
    assert "abi3" not in (project / "Cargo.toml").read_text()


def test_uncommitted_edits_are_not_touched(project: Path) -> None:
    replace(project / "Cargo.toml", "0.1.0", "0.2.0")
    before = contents(project)
    done = run([sys.executable, "-m", "copier", "update", "--defaults"], project, check=False)
    assert done.code != 0
    assert "dirty" in done.output
    assert contents(project) == before


# ---- From each past state of the template ----

TEXT = {
    "description": "\"a\" 'b' \\\\ {{ c }} # : é",
    "author_name": 'Ada "A" L',
    "author_email": "a@b.c",
}

# A commit that has each capability first, and answers that it knew
PAST = [
    ("77d253e", {}),
    ("77d253e", {"license": "Proprietary", "windows": True, "example": False} | TEXT),
    ("77d253e", {"python_version": "3.15t", "python_min": "3.15", "abi": "abi3t"}),
    ("fd5af1a", {"kind": "app", "license": "MIT OR Apache-2.0"} | TEXT),
    ("fd5af1a", {"kind": "app", "python_version": "3.14t", "example": False, "windows": True}),
    ("308926c", {"python_version": "3.13", "abi": "version", "extras": EXTRAS}),
    ("308926c", {"kind": "app", "extras": ["github", "vscode", "coverage"]}),
    ("9f64e20", {"extras": ["docs", "benchmarks", "coverage"], "example": False}),
    ("744d657", {"extras": EXTRAS}),
    ("744d657", {"kind": "app", "windows": True}),
    ("8bc1260", {"kind": "app", "extras": ["github"]}),
]


@pytest.fixture(scope="module")
def history(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone of this repository whose HEAD is the template as it is in the work tree."""
    history = tmp_path_factory.mktemp("history") / "pyo3-uv-template"
    git(ROOT, "clone", "--quiet", str(ROOT), str(history))
    for path in history.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    ignore = shutil.ignore_patterns(".git")
    shutil.copytree(template, history, dirs_exist_ok=True, ignore=ignore, symlinks=True)
    commit_all(history, "now")
    return history


def update(project: Path, **answers: str) -> None:
    """Run `copier update --defaults -d KEY=VALUE` to HEAD."""
    copier.run_update(
        project, data=answers, defaults=True, overwrite=True, vcs_ref="HEAD", quiet=True
    )


@pytest.mark.parametrize(
    ("commit", "answers"),
    [
        PAST[0],
        PAST[3],
        *(pytest.param(*past, marks=pytest.mark.slow) for past in [*PAST[1:3], *PAST[4:]]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value,
)
def test_update_from_an_earlier_commit(
    history: Path, tmp_path: Path, commit: str, answers: dict[str, str | bool | list[str]]
) -> None:
    """A project made from it becomes what a fresh render with its answers is."""
    project = tmp_path / "my-project"
    options = {"defaults": True, "quiet": True}
    copier.run_copy(str(history), project, data=answers, vcs_ref=commit, **options)
    commit_all(project)
    update(project)
    kept = stored(project)
    assert kept | answers == kept
    fresh = tmp_path / "fresh"
    data = {key: value for key, value in kept.items() if not key.startswith("_")}
    copier.run_copy(str(history), fresh, data=data, vcs_ref="HEAD", **options)
    commit_all(fresh)
    assert contents(project) == contents(fresh)


@pytest.mark.slow
@pytest.mark.build
def test_a_stub_by_hand_stays_until_its_owner_asks(
    history: Path, middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """Then `stubs.py --check`, which CI runs, says what is to be done."""
    project = tmp_path / "my-project"
    data = {"python_version": middle.minor}
    copier.run_copy(str(history), project, data=data, defaults=True, vcs_ref="75ec578", quiet=True)
    stub = project / "python/my_project/_core.pyi"
    replace(stub, '"User"]\n', '"User"]\n\nmine: int\n')
    before = stub.read_text()
    commit_all(project)
    update(project)
    assert stub.read_text() == before
    assert stored(project)["stubs"] == "by hand" and not (project / "stubs.py").exists()

    commit_all(project)
    update(project, stubs="generated")
    sync(project, middle, env)
    done = run([uv(), "run", "--no-sync", "stubs.py", "--check"], project, env, check=False)
    assert done.code == 1 and done.output.endswith("run `uv run stubs.py`\n")
    assert "mine: int" in stub.read_text()
    run([uv(), "run", "stubs.py"], project, env)
    assert "mine: int" not in stub.read_text()
    run([uv(), "run", "mypy"], project, env)

    generated = stub.read_text()
    commit_all(project)
    update(project, stubs="by hand")
    git(project, "restore", "--source", "HEAD", "python")
    assert stub.read_text() == generated and not (project / "stubs.py").exists()
    run([uv(), "run", "mypy"], project, env)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("commit", "kind", "other"),
    [("77d253e", "extension", "app"), ("fd5af1a", "app", "extension")],
)
def test_kind_does_not_change(
    history: Path, tmp_path: Path, commit: str, kind: str, other: str
) -> None:
    project = tmp_path / "my-project"
    data = {"kind": kind}
    copier.run_copy(str(history), project, data=data, defaults=True, vcs_ref=commit, quiet=True)
    commit_all(project)
    before = contents(project)
    reason = f"this project is an {kind}; make a new project and move your code there"
    for answers in ({}, {"project_name": "renamed"}):
        with pytest.raises(ValueError, match=reason):
            update(project, kind=other, **answers)
        assert contents(project) == before
    update(project, kind=kind)
    assert stored(project)["kind"] == kind


def test_a_new_name_on_update_adds_no_extras(history: Path, tmp_path: Path) -> None:
    project = tmp_path / "my-project"
    copier.run_copy(str(history), project, defaults=True, vcs_ref="77d253e", quiet=True)
    commit_all(project)
    update(project, project_name="renamed")
    assert stored(project)["extras"] == []
    assert (project / "python/renamed/__init__.py").exists()


# ---- Edits of any sort ----

UPDATES, EDITS = 20, 5
# The template has changed little since the first commit; these change lines in more files.
ANSWERS = {"python_version": "3.13", "abi": "version", "license": "Apache-2.0"}


@pytest.fixture(scope="module")
def pristine(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project made from the first commit, in git."""
    project = tmp_path_factory.mktemp("pristine") / "my-project"
    copier.run_copy(str(history), project, defaults=True, vcs_ref=PAST[0][0], quiet=True)
    commit_all(project)
    return project


@pytest.fixture(scope="module")
def updated(pristine: Path) -> dict[str, str]:
    """Return the files of that project after an update without edits."""
    project = pristine.with_name("updated")
    shutil.copytree(pristine, project)
    update(project, **ANSWERS)
    return contents(project)


@pytest.mark.parametrize(
    "seed",
    [*range(4), *(pytest.param(n, marks=pytest.mark.slow) for n in range(4, UPDATES))],
)
def test_no_edit_is_lost(
    pristine: Path, updated: dict[str, str], tmp_path: Path, seed: int
) -> None:
    """Lines are inserted, changed and deleted; an update merges them or marks a conflict."""
    chance = random.Random(seed)
    project = tmp_path / "my-project"
    shutil.copytree(pristine, project)
    before = contents(project)
    names = sorted(before.keys() - {".copier-answers.yml"})
    # Half of the edits are in files that the template has changed too.
    changed = [name for name in names if before[name] != updated[name]]
    assert len(changed) >= 5
    gone: dict[str, list[str]] = {}
    for number in range(EDITS):
        name = chance.choice(chance.choice([names, changed]))
        lines = (project / name).read_text(encoding="utf-8").splitlines(keepends=True)
        at = chance.randrange(len(lines) + 1)
        edit = chance.choice(["insert", "change", "delete"])
        text = f"my edit {seed}.{number}\n"
        if edit == "insert" or at == len(lines):
            lines.insert(at, text)
        elif edit == "change":
            lines[at] = lines[at].rstrip("\n") + text
        else:
            gone.setdefault(name, []).append(lines.pop(at))
        (project / name).write_text("".join(lines), encoding="utf-8")
    commit_all(project, "edits")
    edited = contents(project)

    update(project, **ANSWERS)

    after = contents(project)
    assert after.keys() == updated.keys(), "no .rej is left, no file is gone"
    for name, text in after.items():
        if edited.get(name) == before.get(name):
            assert text == updated[name]
            continue
        lines = text.splitlines()
        for line in edited[name].splitlines():
            assert "my edit" not in line or line in lines
        conflicts = lines.count("<<<<<<< before updating")
        assert conflicts == lines.count(">>>>>>> after updating")
        unmerged = git(project, "diff", "--name-only", "--diff-filter=U").split()
        assert (name in unmerged) == bool(conflicts)
        for line in gone.get(name, []) if not conflicts else []:
            # as often as before the update, unless the template adds or removes it
            more = updated[name].count(line) - before[name].count(line)
            assert text.count(line) == edited[name].count(line) + more
