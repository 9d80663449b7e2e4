"""`copier update` in a project that was made from an older template and edited since."""

import fnmatch
import random
import shutil
import sys
from pathlib import Path
from typing import Any

import copier
import pytest
import tomlkit

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import ROOT, clean_environment, commit_all, git, run, uv
from tests.projects import (
    APP_EXTRAS,
    EXTRAS,
    bindings,
    check_formatting,
    parse,
    read_toml,
    replace,
    stored,
)
from tests.tools import RUFF

# Before 0.1 commits stand for releases; in the first one answers and names could change.
EARLIER = "7fb3c161b83f9b9c92adef2957e9b03776c53fcb"
LATER = ["1385e89f3e13431c5fb327e3fd647c0beeb357f8", "756594aa71fc7c3f5dcbecb3b83b976c739e4f3a"]
RELEASES = git(ROOT, "tag", "--list", "v*", "--sort=version:refname").split()

# What becomes the user's own: rendered once
OWN = ["src/*", "crates/*/src/*", "python/*", "tests/*", "benches/*", "crates/*/benches/*"]
OWN += ["benchmarks/*", "docs/*", "*.md", "LICENSE*", "crates/*/LICENSE*"]


def is_own(name: str) -> bool:
    """Say whether an update leaves a file to the user."""
    return name != "src/python.rs" and any(fnmatch.fnmatch(name, pattern) for pattern in OWN)


@pytest.fixture(scope="module")
def history(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone of this repository whose HEAD is the template as it is in the work tree."""
    if git(ROOT, "rev-parse", "--is-shallow-repository") == "true\n":
        pytest.fail("updates from earlier commits need all of them: run 'git fetch --unshallow'")
    history = tmp_path_factory.mktemp("history") / "pyo3-uv-template"
    git(ROOT, "clone", "--quiet", str(ROOT), str(history))
    for path in history.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    ignore = shutil.ignore_patterns(".git")
    shutil.copytree(template, history, dirs_exist_ok=True, ignore=ignore, symlinks=True)
    commit_all(history, "now")
    return history


@pytest.fixture(scope="module")
def later(history: Path) -> Path:
    """Return that repository with one commit more, in which the example and build.rs differ."""
    later = history.with_name("later")
    git(history, "clone", "--quiet", str(history), str(later))
    files = [path for path in (later / "template").rglob("*") if path.is_file()]
    for path in files:
        name = path.name
        if "users" in name or name.startswith(("lib.rs", "main.rs", "README", "build.rs", "cli")):
            comment = {".md": "<!-- later -->\n", ".py": "# later\n", ".pyi": "# later\n"}
            text = comment.get(Path(name.replace("{% endif %}", "").removesuffix(".jinja")).suffix)
            path.write_text((text or "// later\n") + path.read_text(), encoding="utf-8")
    assert git(later, "diff", "--stat").count("\n") > 10
    commit_all(later, "later")
    return later


def make(history: Path, project: Path, commit: str, **answers: Any) -> Path:
    """Render the template as it was in a commit, and commit the project."""
    options = {"defaults": True, "quiet": True, "vcs_ref": commit}
    data = {"project_name": "my-project", "python_version": "3.12"} | answers
    copier.run_copy(str(history), project, data=data, **options)
    commit_all(project)
    return project


def update(project: Path, **answers: Any) -> None:
    """Run `copier update --defaults -d KEY=VALUE` to HEAD."""
    copier.run_update(
        project, data=answers, defaults=True, overwrite=True, vcs_ref="HEAD", quiet=True
    )


def printed_update(project: Path) -> str:
    """Run it as users do, and return what it prints."""
    command = [sys.executable, "-m", "copier", "update", "--defaults", "--vcs-ref", "HEAD"]
    return run(command, project, clean_environment()).output


def contents(project: Path) -> dict[str, str]:
    names = git(project, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    paths = {name: project / name for name in names if name}
    return {name: p.read_text(encoding="utf-8") for name, p in paths.items() if p.exists()}


def fresh(history: Path, project: Path) -> dict[str, str]:
    """Return the files of a fresh render with a project's answers."""
    data = {key: value for key, value in stored(project).items() if not key.startswith("_")}
    return contents(make(history, project.with_name("fresh"), "HEAD", **data))


TEXT = {
    "description": "\"a\" 'b' \\\\ {{ c }} # : é",
    "author_name": 'Ada "A" L',
    "author_email": "a@b.c",
}
EARLIER_ANSWERS = [
    {"extras": EXTRAS},
    {"layout": "workspace", "extras": EXTRAS, "abi": "version"},
    {"kind": "app", "extras": APP_EXTRAS, "license": "MIT OR Apache-2.0"},
    {"stubs": "by hand", "windows": True, "license": "Proprietary", **TEXT},
    {"python_version": "3.15t", "python_min": "3.15", "abi": "abi3t", "example": False},
    {"kind": "app", "example": False, "windows": True, "extras": [], **TEXT},
]


def edit_as_a_user(project: Path, env: dict[str, str]) -> None:
    """Add code to Rust and Python, and dependencies with cargo and uv; write to the README; commit."""
    crate = bindings(project)
    [source] = [path for name in ("lib.rs", "main.rs") if (path := crate / "src" / name).exists()]
    test = "\n#[cfg(test)]\nmod mine {\n    #[test]\n    fn mine() {}\n}\n"
    source.write_text(source.read_text(encoding="utf-8") + test, encoding="utf-8")
    (project / "tests/test_mine.py").write_text("def test_mine() -> None:\n    pass\n")
    readme = project / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8") + "\n## Mine\n", encoding="utf-8")
    run(["cargo", "add", "--quiet", "zeroize@1"], crate, env)
    run([uv(), "add", "--quiet", "--no-sync", "--dev", "humanize>=4"], project, env)
    run(["cargo", "generate-lockfile", "--quiet"], project, env)
    commit_all(project, "mine")


@pytest.mark.build
@pytest.mark.parametrize(
    ("commit", "answers"),
    [*zip([EARLIER, *LATER], EARLIER_ANSWERS, strict=False), *((tag, {}) for tag in RELEASES)],
    ids=["single", "workspace", "app", *RELEASES],
)
def test_from_release_to_release(
    history: Path,
    middle: Interpreter,
    env: dict[str, str],
    tmp_path: Path,
    commit: str,
    answers: dict[str, Any],
) -> None:
    """The user's files are as they were; the template's are those of a fresh render, and pass."""
    answers = answers | {"python_version": middle.minor}
    project = make(history, tmp_path / "my-project", commit, **answers)
    edit_as_a_user(project, env)
    before = contents(project)
    update(project)
    after, expected = contents(project), fresh(history, project)
    locks = {"Cargo.lock", "uv.lock"}
    own = {name for name in before if is_own(name)} | locks
    assert {name: after.get(name) for name in own} == {name: before[name] for name in own}
    assert after.keys() - own == {name for name in expected if not is_own(name)}
    cargo = (bindings(project) / "Cargo.toml").relative_to(project).as_posix()
    changed = {name for name in after.keys() - own if after[name] != expected[name]}
    assert changed == {cargo, "pyproject.toml"}
    for name in changed:
        manifest = read_toml(project / name)
        if name == cargo:
            assert manifest["dependencies"].pop("zeroize") == "1"
        else:
            manifest["dependency-groups"]["dev"].remove("humanize>=4")
        assert manifest == tomlkit.parse(expected[name]).unwrap()
    kept = stored(project)
    assert kept | {name: answer for name, answer in answers.items() if name in kept} == kept

    run([uv(), "lock", "--quiet"], project, env)
    run(["cargo", "metadata", "--quiet", "--format-version=1"], project, env)
    assert "humanize" in (project / "uv.lock").read_text()
    assert "zeroize" in (project / "Cargo.lock").read_text()
    for path in project.rglob("*.toml"):
        parse(path)
    check_formatting(project)
    run([RUFF, "check", "."], project)


@pytest.mark.slow
@pytest.mark.parametrize(
    "answers", EARLIER_ANSWERS, ids=lambda answers: "-".join(map(str, answers))
)
def test_the_template_s_files_equal_a_fresh_render(
    history: Path, tmp_path: Path, answers: dict[str, Any]
) -> None:
    """And those of the user are as they were."""
    project = make(history, tmp_path / "my-project", EARLIER, **answers)
    before = contents(project)
    update(project)
    after, expected = contents(project), fresh(history, project)
    assert {n: t for n, t in after.items() if not is_own(n)} == {
        n: t for n, t in expected.items() if not is_own(n)
    }
    assert {n: t for n, t in after.items() if is_own(n)} == {
        n: t for n, t in before.items() if is_own(n)
    }
    kept = stored(project)
    assert kept | {n: a for n, a in answers.items() if n in kept} == kept


@pytest.mark.parametrize(
    "answers",
    [
        EARLIER_ANSWERS[0],
        *(pytest.param(answers, marks=pytest.mark.slow) for answers in EARLIER_ANSWERS[1:3]),
    ],
    ids=["single", "workspace", "app"],
)
def test_a_later_example_does_not_reach_the_user(
    history: Path, later: Path, tmp_path: Path, answers: dict[str, Any]
) -> None:
    """Not one line of the user's differs, deleted files stay deleted, build.rs moves."""
    project = make(history, tmp_path / "my-project", "HEAD", **answers)
    shutil.rmtree(project / "tests")
    (project / "CHANGELOG.md").unlink()
    sources = [project / name for name in contents(project) if is_own(name)]
    for path in sources:
        path.write_text(path.read_text() + "my line\n" if path.name != "LICENSE" else "mine\n")
    replace(project / "Cargo.toml", '"2024"\n', '"2024"\n# mine\n')
    commit_all(project, "mine")
    before = contents(project)
    replace(project / ".copier-answers.yml", str(history), str(later))
    commit_all(project, "moved")

    output = printed_update(project)
    changed = {name for name, text in contents(project).items() if before.get(name) != text}
    script = (bindings(project) / "build.rs").relative_to(project).as_posix()
    # The workflow of an app names the commit of the template as the command to bundle with.
    named = {".github/workflows/release.yml"} if answers.get("kind") == "app" else set()
    assert changed == {".copier-answers.yml", script} | named
    assert before.keys() == contents(project).keys()
    assert "git diff --name-status --diff-filter=UD" in output
    assert "up to date" not in output


def test_an_extra_that_is_added_has_its_first_files(history: Path, tmp_path: Path) -> None:
    """Later updates leave them alone."""
    project = make(history, tmp_path / "my-project", EARLIER, extras=["github"])
    update(project, extras=["github", "benchmarks", "docs"])
    starters = {"benches/users.rs", "benchmarks/test_users.py", "docs/index.md"}
    expected = fresh(history, project)
    added = {name: text for name, text in contents(project).items() if name in starters}
    assert added == {name: expected[name] for name in starters}
    assert "[[bench]]" in contents(project)["Cargo.toml"]

    replace(project / "benchmarks/test_users.py", "import", "import  # mine\nimport")
    (project / "docs/index.md").unlink()
    commit_all(project, "mine")
    before = contents(project)
    update(project, extras=["benchmarks", "docs", "vscode"])
    after = contents(project)
    assert {n: t for n, t in after.items() if is_own(n)} == {
        n: t for n, t in before.items() if is_own(n)
    }
    assert ".vscode/launch.json" in after and ".github/workflows/ci.yml" not in after


def test_conflicts_lose_nothing_and_the_message_names_them(history: Path, tmp_path: Path) -> None:
    """The version stood in Cargo.toml, and stands in pyproject.toml now."""
    project = make(history, tmp_path / "my-project", EARLIER)
    replace(project / "Cargo.toml", 'version = "0.1.0"', 'version = "0.3.0"')
    replace(project / "Cargo.toml", 'serde_json = "1"\n', 'serde_json = "1"\nrayon = "1"\n')
    commit_all(project, "mine")
    output = printed_update(project)
    merged = (project / "Cargo.toml").read_text()
    ours, theirs = merged.split("<<<<<<<")[1].split(">>>>>>>")[0].split("=======")
    assert 'version = "0.3.0"' in ours and "version" not in theirs
    assert 'rayon = "1"' in merged
    [command] = [line for line in output.splitlines() if "diff-filter" in line]
    listed = run(["bash", "-c", command.partition("#")[0]], project).output
    assert listed == "U\tCargo.toml\n"
    assert "uv version" in output


def test_a_file_that_the_template_dropped(history: Path, tmp_path: Path) -> None:
    """Copier deletes it, edited or not; the message's command lists it, and git has it."""
    project = make(history, tmp_path / "my-project", EARLIER, extras=["vscode"])
    replace(project / ".vscode/settings.json", "clippy", "check")
    commit_all(project, "mine")
    update(project, extras=[])
    listed = git(project, "diff", "--name-status", "--diff-filter=UD")
    assert "D\t.vscode/settings.json\n" in listed
    git(project, "restore", ".vscode/settings.json")
    assert '"check"' in (project / ".vscode/settings.json").read_text()


# ---- Edits of any sort ----

UPDATES, EDITS = 6, 5
# These change lines in more files.
ANSWERS = {"python_version": "3.13", "abi": "version", "license": "Apache-2.0"}


@pytest.fixture(scope="module")
def pristine(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project made from the earlier commit, in git."""
    return make(history, tmp_path_factory.mktemp("pristine") / "my-project", EARLIER)


@pytest.fixture(scope="module")
def updated(pristine: Path) -> dict[str, str]:
    """Return the files of that project after an update without edits."""
    project = pristine.with_name("updated")
    shutil.copytree(pristine, project)
    update(project, **ANSWERS)
    return contents(project)


@pytest.mark.parametrize(
    "seed",
    [*range(2), *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, UPDATES))],
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
        if is_own(name):
            assert text == edited[name]
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
