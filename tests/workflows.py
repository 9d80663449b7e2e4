"""Workflows for GitHub, run as they are written."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.commands import run

# The tag that a release is made for, as release-crate.yml has it; to be given as a context
TAG = "github.ref_type == 'tag' && github.ref_name || ''"


class Workflow:
    """Runs the steps of a workflow as a Linux runner of GitHub does; `uses:` is left out."""

    def __init__(self, project: Path, name: str, env: Mapping[str, str], **contexts: str) -> None:
        self.project, self.env, self.contexts = project, env, contexts
        path = project / ".github/workflows" / name
        self.jobs: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
        self.outputs: dict[str, str] = {}
        self.ran: list[str] = []

    def expand(self, text: object) -> str:
        """Replace the expressions in `text`."""

        def value(match: re.Match[str]) -> str:
            expression = match[1]
            output = re.fullmatch(r"(?:needs|steps)\.\w+\.outputs\.(\w+)", expression)
            return self.outputs[output[1]] if output else self.contexts[expression]

        return re.sub(r"\$\{\{ (.*?) \}\}", value, str(text))

    def wanted(self, condition: str | None) -> bool:
        """Evaluate the condition of a step."""
        if found := re.fullmatch(r"hashFiles\('(.+)'\) ([!=])= ''", condition or ""):
            return any(self.project.glob(found[1])) == (found[2] == "!")
        return {
            None: True,
            "runner.os == 'Linux'": True,
            "runner.os == 'Windows'": False,
            "github.ref_type == 'tag'": "GITHUB_REF_NAME" in self.env,
            "!startsWith(matrix.libc, 'musllinux')": True,
            "startsWith(matrix.libc, 'musllinux')": False,
        }[condition]

    def run_job(
        self,
        name: str,
        folder: Path | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> str:
        """Run a job, in the project and its environment unless others are given; return its output.

        What is in `env` wins over the variables of the job. With `check` no step may fail; else one
        has to, and is the last.
        """
        job = self.jobs[name]
        variables = {key: self.expand(value) for key, value in job.get("env", {}).items()}
        variables |= {"RUNNER_OS": "Linux"} | dict(self.env if env is None else env)
        printed = ""
        with tempfile.NamedTemporaryFile("r", encoding="utf-8") as output:
            variables["GITHUB_OUTPUT"] = output.name
            for step in job["steps"]:
                # Other toolchains are not downloaded: the installed one takes their place.
                if "run" not in step or "rustup toolchain install" in step["run"]:
                    continue
                if self.wanted(step.get("if")):
                    bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
                    where = (folder or self.project) / step.get("working-directory", "")
                    own = {key: self.expand(value) for key, value in step.get("env", {}).items()}
                    done = run(bash, where, variables | own, check)
                    printed += done.output
                    if done.code:
                        return printed
                    self.outputs |= dict(line.rstrip().split("=", 1) for line in output)
                    self.ran.append(step["run"])
        assert check, f"no step of {name} failed:\n{printed}"
        return printed
