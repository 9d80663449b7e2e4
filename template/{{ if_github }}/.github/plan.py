"""Print what the workflows need to know about the project, as lines for $GITHUB_OUTPUT."""

import argparse
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def load(name: str) -> dict[str, Any]:
    """Read a TOML file of the project."""
    return tomllib.loads((ROOT / name).read_text(encoding="utf-8"))


def supported(project: dict[str, Any]) -> list[str]:
    """Return the Python versions in the classifiers, the oldest first."""
    pattern = re.compile(r"Programming Language :: Python :: 3\.(\d+)")
    found = map(pattern.fullmatch, project.get("classifiers", []))
    return [f"3.{minor}" for minor in sorted(int(match[1]) for match in found if match)]


def wheels(cargo: dict[str, Any], versions: list[str], pinned: str) -> list[str]:
    """Return the Pythons that need a wheel: for a stable ABI only the one where it begins."""
    pyo3 = cargo["dependencies"]["pyo3"]
    features = pyo3.get("features", []) if isinstance(pyo3, dict) else []
    stable = [re.fullmatch(r"abi3t?-py3(\d+)", feature) for feature in features]
    if any(stable):
        return [f"3.{match[1]}" for match in stable if match]
    return unique([*versions, pinned] if pinned.endswith("t") else versions)


def unique(values: list[str]) -> list[str]:
    """Remove repeated values, keeping the order."""
    return list(dict.fromkeys(values))


def plan(cargo: dict[str, Any]) -> dict[str, str]:
    """Return the outputs."""
    pyproject = load("pyproject.toml")
    project = pyproject["project"]
    pinned = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    versions = supported(project)
    tested = unique([*versions[:1], *versions[-1:], pinned])
    outputs = {
        "name": cargo["package"]["name"],
        "version": cargo["package"]["version"],
        "python": json.dumps(tested),
    }
    if maturin := pyproject.get("tool", {}).get("maturin"):
        outputs["name"] = project["name"]
        outputs["module"] = maturin["module-name"].partition(".")[0]
        outputs["interpreters"] = json.dumps(wheels(cargo, versions, pinned))
    return outputs


def main() -> None:
    """Print the outputs, or fail if the tag is not that of the version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", help='fail unless it is "v" + the version')
    tag = parser.parse_args().tag
    cargo = load("Cargo.toml")
    expected = f"v{cargo['package']['version']}"
    if tag is not None and tag != expected:
        sys.exit(
            f"error: the tag is {tag}, but the version in Cargo.toml asks for {expected}; "
            "change the version, commit it and tag that commit"
        )
    for key, value in plan(cargo).items():
        print(f"{key}={value}")


if __name__ == "__main__":
    main()
