"""README, the documentation and the repository itself."""

import re
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT, git, run, with_path
from tests.conftest import QUESTIONS, Render
from tests.projects import files
from tests.pythons import environment, interpreters
from tests.tools import RUFF, TOOLS, check_workflows, uvx

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES += [ROOT / "benchmarks/README.md"]
PAGES += sorted((ROOT / "docs").glob("*.md"))


def setup_lines() -> list[str]:
    return [line for line in README.splitlines() if line.startswith("pip install uv && ")]


def test_readme_code_is_that_of_a_render(render: Render) -> None:
    project = render("myproj", example=False)
    [shown] = re.findall(r"```rust\n(.*?)```", README, re.DOTALL)
    lines = map(str.strip, (project / "src/lib.rs").read_text().splitlines())
    for line in map(str.strip, shown.splitlines()):
        assert line in lines, f"{line}: not in src/lib.rs, or in another order"
    [python] = re.findall(r"`(from myproj import .*?)`", README)
    assert python in (project / "tests/test_sum_of_squares.py").read_text()


def test_readme_stays_short() -> None:
    assert len(README.splitlines()) <= 110


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = re.compile(r"`[^`]*`")
    assert "{{" not in code.sub("", text) and "{%" not in code.sub("", text)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        linked = page.parent / path if path else page
        assert linked.is_file(), link
        if not anchor:
            continue
        headings = re.findall(r"^#+ (.+)", linked.read_text(encoding="utf-8"), re.MULTILINE)
        slugs = [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]
        assert anchor in slugs, link


def test_changelog_says_what_an_update_does_and_what_is_left() -> None:
    sections = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## ")[1:]
    assert sections
    for section in sections:
        for heading in ("What an update changes", "What you do by hand"):
            text = section.partition(f"\n### {heading}\n")[2].partition("\n### ")[0]
            assert text.strip(), f"{heading}: not in {section.splitlines()[0]}"


def test_one_term_for_one_thing() -> None:
    """Fix, check and severity, as uv, cargo and PyO3 say; in messages and rendered files, too."""
    words = r"(?i)\b(cures?|cured|examin\w+|grades?|graded)\b"
    names = ["--", ".", ":!*.lock", ":!tests/test_repository.py"]
    listed = run(["git", "grep", "-lIP", words, *names], ROOT, check=False).output
    assert listed == ""


def test_every_question_is_documented() -> None:
    page = (ROOT / "docs/questions.md").read_text(encoding="utf-8")
    table = page.split("\n| question |")[1].split("\n\n")[0]
    first_cells = "".join(line.split("|")[1] for line in table.splitlines()[2:])
    assert re.findall(r"`(\w+)`", first_cells) == list(QUESTIONS)
    extras = [
        choice if isinstance(choice, str) else choice["value"]
        for choice in QUESTIONS["extras"]["choices"].values()
    ]
    assert re.findall(r"^- `([\w-]+)`: ", page, re.MULTILINE) == extras
    [line] = [line for line in README.splitlines() if "`extras`" in line]
    assert [name for name in re.findall(r"`([\w-]+)`", line.split("`extras`")[1])] == extras


@pytest.mark.slow
@pytest.mark.build
def test_readme_set_up_line(template: Path, target: Path, tmp_path: Path) -> None:
    """Run it as it stands, with pip of a fresh environment, in a clone of the template."""
    line, _ = setup_lines()
    python = interpreters()[-1] if interpreters() else None
    if not python:
        pytest.skip("no CPython that pyenv or uv has installed")
    run([python.path, "-m", "venv", tmp_path / "pip"], tmp_path)
    clone = tmp_path / "pyo3-uv-template"
    run(["git", "clone", "--quiet", template, clone], tmp_path)
    env = with_path(environment(target, python), tmp_path / "pip/bin", python.path.parent)
    output = run(["bash", "-c", line], clone, env).output
    assert "ok     uv run pytest" in output
    assert "ok     cargo test" in output
    assert (tmp_path / "myproj/.python-version").read_text() == python.minor + "\n"


def test_ci_runs_the_command_of_the_readme() -> None:
    _, line = setup_lines()
    install, test = line.split(" && ")
    script = (ROOT / ".ci/run").read_text()
    assert script.rstrip().removesuffix(f"\n{test} -m slow").endswith("\n" + test)
    assert f"python3 -m {install}" in script
    assert ".ci/run" in (ROOT / ".github/workflows/ci.yml").read_text()
    for name in ("current", "release"):
        workflow = (ROOT / f".github/workflows/{name}.yml").read_text()
        assert "- run: .ci/run\n      - run: uv run pytest -m weekly\n" in workflow


def test_workflows_are_sound() -> None:
    check_workflows(ROOT)
    folder = ROOT / ".github"
    run(uvx("zizmor", "--offline", folder / "dependabot.yml", *folder.glob("actions/*/*")), ROOT)
    forms = [path for path in folder.glob("ISSUE_TEMPLATE/*.yml") if path.name != "config.yml"]
    assert forms
    for schema, checked in {
        "dependabot": [folder / "dependabot.yml"],
        "github-actions": [*folder.glob("actions/*/action.yml")],
        "github-issue-forms": forms,
        "github-issue-config": [folder / "ISSUE_TEMPLATE/config.yml"],
    }.items():
        run(uvx("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *checked), ROOT)


def test_pins_of_the_template_are_those_of_this_repository() -> None:
    """Dependabot moves those in .github, and does not read template/."""
    pins: dict[str, dict[str, set[str]]] = {}
    for path in git(ROOT, "ls-files", "-z", ".github", "template").split("\0")[:-1]:
        text = (ROOT / path).read_text(encoding="utf-8")
        found = re.findall(r"uses: ([\w./-]+)@(\w+ # v[\d.]+)", text)
        found += [("uv", version) for version in re.findall(r"\bversion: (\d[\d.]+)", text)]
        for name, pin in found:
            pins.setdefault(name, {}).setdefault(pin, set()).add(path.split("/")[0])
    assert len(pins) >= 12
    here = {name: {p for p in by_pin if ".github" in by_pin[p]} for name, by_pin in pins.items()}
    assert here == {name: set(by_pin) for name, by_pin in pins.items()}, "move those in template/"
    assert [name for name in pins if len(pins[name]) > 1] == []


def test_tools_of_the_template_are_those_of_the_tests() -> None:
    """Of those that have a version in a rendered workflow, and one in tests/tools.py."""
    rendered = {}
    for path in (ROOT / "template").rglob("*.y*ml*"):
        rendered |= re.findall(r"uvx ([\w-]+)@([\d.]+)", path.read_text(encoding="utf-8"))
    same = {name: version for name, version in rendered.items() if name in TOOLS}
    assert same and same == {name: TOOLS[name] for name in same}


def test_a_render_holds_little(render: Render) -> None:
    """An owner reads all of it. Lock files are not counted."""
    project = render()
    lines = {name: (project / name).read_text().count("\n") for name in files(project)}
    assert sum(lines.values()) <= 1031
    limits = {"AGENTS.md": 40, "build.rs": 95, "stubs.py": 110, "src/users.rs": 100}
    assert {name: lines[name] for name in limits if lines[name] > limits[name]} == {}
    assert len((ROOT / "copier.yml").read_text(encoding="utf-8").splitlines()) <= 190
    project = render("app", kind="app")
    lines = {name: (project / name).read_text().count("\n") for name in files(project)}
    assert sum(lines.values()) <= 1235 and lines["src/python.rs"] <= 334
    project = render("workspace", layout="workspace", project_name="my-project")
    sources = [path.read_text().count("\n") for path in project.glob("crates/*/src/*.rs")]
    assert len(sources) == 4 and sum(sources) <= 170


def test_folders_of_the_template(template: Path, tmp_path: Path) -> None:
    """A folder whose name renders to "." is merged into the project, which Copier does not document.

    It prints a line for some.
    """
    command = [sys.executable, "-m", "copier", "copy", "--defaults", "--vcs-ref", "HEAD"]
    for answers in (["layout=workspace", "extras=[github,docs]"], ["kind=app"]):
        data = [option for answer in answers for option in ("-d", answer)]
        output = run([*command, *data, template, tmp_path / answers[0]], tmp_path).output
        lines = re.sub(r"\x1b\[[\d;]*m", "", output).splitlines()
        merged = [line for line in lines if re.fullmatch(r" *identical +\.", line)]
        assert len(merged) <= 4
        assert (tmp_path / answers[0] / "Cargo.toml").is_file()
    names = {part for path in (ROOT / "template").rglob("*") for part in path.parts}
    assert len([name for name in names if "{% if" in name]) <= 25


def test_templates_stay_readable() -> None:
    for path in (ROOT / "template").rglob("*"):
        if path.is_dir():
            continue
        text = path.read_text(encoding="utf-8")
        assert (path.suffix == ".jinja") == bool(re.search(r"(?<!\$)\{\{|\{%", text)), path
        tags = re.findall(r"{%-? (?!raw|endraw)", text)
        assert len(tags) <= 8, path


def test_nothing_needs_trust() -> None:
    settings = re.findall(r"^_\w+", (ROOT / "copier.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert not {"_tasks", "_migrations", "_jinja_extensions"} & set(settings)


def test_own_code_is_clean() -> None:
    run([RUFF, "format", "--check", "."], ROOT)
    run([RUFF, "check", "."], ROOT)
