"""Workflows for GitHub, run as they are written."""

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.commands import run

# What an action does: given `with`, the folder and the environment of the step
Action = Callable[[dict[str, str], Path, dict[str, str]], object]

TAG = "github.ref_type == 'tag' && github.ref_name || ''"
CONDITIONS = {  # of steps, on Linux with glibc
    None: True,
    "runner.os == 'Linux'": True,
    "runner.os == 'Windows'": False,
    "!startsWith(matrix.libc, 'musllinux')": True,
    "startsWith(matrix.libc, 'musllinux')": False,
}


class Workflow:
    """Runs the steps of a workflow as a Linux runner of GitHub does.

    `uses` is left out, except for those in `actions` (without their version).
    """

    def __init__(
        self,
        project: Path,
        name: str,
        env: Mapping[str, str],
        tag: str = "",
        actions: Mapping[str, Action] | None = None,
        **contexts: str,
    ) -> None:
        self.project, self.env, self.actions = project, env, actions or {}
        self.contexts = {"github.event.repository.default_branch": "main", TAG: tag} | contexts
        path = project / ".github/workflows" / name
        self.workflow: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.jobs: dict[str, Any] = self.workflow["jobs"]
        self.outputs: dict[str, str] = {}
        self.ran: list[str] = []

    def evaluate(self, expression: str, variables: Mapping[str, str]) -> str:
        """Return the value of what stands in `${{ }}`."""
        if expression in self.contexts:
            return self.contexts[expression]
        if " || " in expression:
            values = (self.evaluate(part, variables) for part in expression.split(" || "))
            return next(filter(None, values), "")
        if joined := re.fullmatch(r"join\(fromJSON\((.*)\), ' '\)", expression):
            return " ".join(json.loads(self.evaluate(joined[1], variables)))
        if output := re.fullmatch(r"(?:needs|steps)\.\w+\.outputs\.(\w+)", expression):
            return self.outputs.get(output[1], "")
        return variables[expression.removeprefix("env.")]

    def expand(self, text: object, variables: Mapping[str, str]) -> str:
        """Replace the expressions in `text`."""
        return re.sub(
            r"\$\{\{ (.*?) \}\}", lambda match: self.evaluate(match[1], variables), str(text)
        )

    def wanted(self, condition: str | None) -> bool:
        """Evaluate the condition of a step."""
        if condition == "github.ref_type == 'tag'":
            return bool(self.contexts[TAG])
        if found := re.fullmatch(r"hashFiles\('(.+)'\) ([!=])= ''", condition or ""):
            return any(self.project.glob(found[1])) == (found[2] == "!")
        return CONDITIONS[condition]

    def run_job(
        self,
        name: str,
        folder: Path | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> str:
        """Run a job, in the project and its environment unless others are given; return its output.

        What is in `env` wins over the variables of the workflow and the job. With `check` no step may
        fail; else one has to, and is the last.
        """
        job, variables = self.jobs[name], dict[str, str]()
        defaults = self.workflow.get("defaults", {}) | job.get("defaults", {})
        for values in (self.workflow.get("env", {}), job.get("env", {})):
            variables |= {key: self.expand(value, variables) for key, value in values.items()}
        variables |= {"RUNNER_OS": "Linux"} | dict(self.env if env is None else env)
        printed = ""
        with tempfile.TemporaryDirectory() as temporary:
            output, exported = Path(temporary, "output"), Path(temporary, "env")
            variables |= {"GITHUB_OUTPUT": str(output), "GITHUB_ENV": str(exported)}
            variables["RUNNER_TEMP"] = temporary
            for step in job["steps"]:
                own = {k: self.expand(v, variables) for k, v in step.get("env", {}).items()}
                where = (folder or self.project) / step.get("working-directory", "")
                action = self.actions.get(step.get("uses", "").partition("@")[0])
                if action and self.wanted(step.get("if")):
                    options = step.get("with", {})
                    options = {k: self.expand(v, variables) for k, v in options.items()}
                    action(options, where, variables | own)
                # Other toolchains are not downloaded: the installed one takes their place.
                if "run" not in step or "rustup toolchain install" in step["run"]:
                    continue
                if self.wanted(step.get("if")):
                    for file in (output, exported):
                        file.write_text("")
                    named = step.get("shell") or defaults.get("run", {}).get("shell")
                    options = ["--noprofile", "--norc", "-o", "pipefail"] if named else []
                    bash = ["bash", *options, "-ec", step["run"]]
                    done = run(bash, where, variables | own, check)
                    printed += done.output
                    if done.code:
                        return printed
                    for file, values in ((output, self.outputs), (exported, variables)):
                        lines = file.read_text().splitlines()
                        values.update(line.split("=", 1) for line in lines)
                    self.ran.append(step["run"])
        assert check, f"no step of {name} failed:\n{printed}"
        return printed
