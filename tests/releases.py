"""A repository on GitHub whose owner makes a release, as far as it can be had here."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.commands import commit_all, git, run, uv, with_path
from tests.projects import replace
from tests.workflows import Workflow

TAG = "v0.2.0"
TOKEN = "token"  # of crates.io
NOTES = "## 0.2.0 - 2026-11-29\n\n- First.\n"
GH = """\
#!/usr/bin/env bash
# A release is a folder: GitHub's API cannot be had here.
set -eu
[ "$1" = release ] || exit 0 # `gh auth setup-git`: git needs no password here
tag=$3 folder=$RELEASES/$3 command=$2
shift 3
case "$command $*" in
    view*isDraft) [ -e "$RELEASES/published" ] || echo true ;;
    view*) [ -e "$folder" ] ;;
    create*) mkdir "$folder"; echo "$*" > "$RELEASES/options"; cp notes.md "$RELEASES/notes" ;;
    upload*) for file in "${@:2}"; do
        [ ! -e "$RELEASES/down" ] || { echo half > "$folder/${file##*/}"; exit 1; }
        cp "$file" "$folder"
    done ;;
    download*) cp -r "$folder" "$2" ;;
    edit*) touch "$RELEASES/published" ;;
esac
"""


@dataclass
class GitHub:
    """A repository, the runs of its workflow, their artifacts and the releases on GitHub."""

    project: Path
    folder: Path
    env: dict[str, str]
    artifacts: Path

    @property
    def releases(self) -> Path:
        return self.folder / "releases"

    def workflow(self, tag: str, name: str = "release.yml", **env: str) -> Workflow:
        """Return a run of a workflow for a tag, or without one a rehearsal."""

        def checkout(options: dict[str, str], where: Path, env: dict[str, str]) -> None:
            shutil.rmtree(where)
            run(["git", "clone", "--quiet", self.folder / "origin", where], self.folder)
            git(where, "remote", "set-head", "origin", "--delete")
            git(where, "checkout", "--quiet", "--detach", tag or "main")

        def build(options: dict[str, str], where: Path, env: dict[str, str]) -> None:
            maturin = f"maturin@{options['maturin-version'].removeprefix('v')}"
            run([uv(), "tool", "run", maturin, "build", *options["args"].split()], where, env)

        def upload(options: dict[str, str], where: Path, env: dict[str, str]) -> None:
            for pattern in options["path"].splitlines():
                for path in where.glob(pattern):
                    for file in path.glob("[!.]*") if path.is_dir() else [path]:
                        kept = self.artifacts / options["name"] / file.name
                        kept.parent.mkdir(parents=True, exist_ok=True)
                        shutil.copy(file, kept)

        def download(options: dict[str, str], where: Path, env: dict[str, str]) -> None:
            found = [*self.artifacts.glob(options.get("name") or options["pattern"])]
            assert found, options
            for artifact in found:
                shutil.copytree(artifact, where / options["path"], dirs_exist_ok=True)

        actions = {
            "actions/checkout": checkout,
            "PyO3/maturin-action": build,
            "actions/upload-artifact": upload,
            "actions/download-artifact": download,
        }
        matrix = {"target": "x86_64", "libc": "manylinux_2_28", "runner": "ubuntu-24.04"}
        contexts = {f"matrix.{key}": value for key, value in matrix.items()}
        contexts |= {"runner.os": "Linux", "github.repository": "ada/my-project"}
        contexts |= {"github.token": "", "steps.auth.outputs.token": TOKEN}
        everything = self.env | {"RELEASES": str(self.releases), **env}
        return Workflow(self.project, name, everything, tag, actions, **contexts)

    def run(self, workflow: Workflow, *jobs: str, check: bool = True) -> str:
        """Run jobs, each on a runner of its own; return what the last one printed."""
        printed = ""
        for job in jobs:
            runner = self.folder / "runner"
            shutil.rmtree(runner, ignore_errors=True)
            runner.mkdir()
            printed = workflow.run_job(job, runner, check=check or job != jobs[-1])
        return printed

    def release(self) -> None:
        """Do what CONTRIBUTING.md says: bump, changelog, commit, push, check, tag."""
        contributing = (self.project / "CONTRIBUTING.md").read_text(encoding="utf-8")
        steps = re.findall(r"^\d\. (.*)", contributing, re.MULTILINE)
        assert len(steps) == 5
        manifest = self.project / "Cargo.toml"
        if "Cargo.toml" in steps[0]:
            replace(manifest, 'version = "0.1.0"', 'version = "0.2.0"')
        replace(self.project / "CHANGELOG.md", "## Unreleased\n", NOTES)
        for step in steps:
            for command in re.findall(r"`((?:uv version|cargo check|git|\.github)[^`]*)`", step):
                output = run(["bash", "-c", command], self.project, self.env).output
                assert command[0] != "." or output.strip() == "- First."
        assert git(self.folder / "origin", "tag") == f"{TAG}\n"

        # The wrong commit, before something is published
        [undo] = re.findall(r"^- Before .*`(.*)`", contributing, re.MULTILINE)
        for command in (undo, steps[4].split("`")[1]):
            run(["bash", "-c", command], self.project, self.env)
        assert git(self.folder / "origin", "tag") == f"{TAG}\n"

    def half_way(self, workflow: Workflow, files: set[str]) -> None:
        """Let GitHub stop in the middle of its release; go on; the last time nothing is left to do."""
        (self.releases / "down").touch()
        self.run(workflow, "github", check=False)
        assert not (self.releases / "published").exists(), "users do not see half of it"
        (self.releases / "down").unlink()
        for _ in range(2):
            self.run(workflow, "github")
            assert {path.name for path in (self.releases / TAG).iterdir()} == files
        assert (self.releases / "published").exists()
        assert "--prerelease" not in (self.releases / "options").read_text()
        assert (self.releases / "notes").read_text().strip() == "- First."


def github(project: Path, folder: Path, env: Mapping[str, str], *path: Path) -> GitHub:
    """Push a project; `path` is where its Pythons are."""
    commit_all(project)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "origin")
    git(project, "remote", "add", "origin", str(folder / "origin"))
    git(project, "push", "--quiet", "--set-upstream", "origin", "main")
    for name in ("releases", "bin"):
        (folder / name).mkdir()
    (folder / "bin/gh").write_text(GH)
    (folder / "bin/gh").chmod(0o755)
    env = with_path(env, uv().parent, folder / "bin", *path)
    return GitHub(project, folder, env, folder / "artifacts")
