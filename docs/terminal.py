"""Record terminal.svg: the commands below, run in a real terminal.

    uv run python -m docs.terminal

The project gets the newest CPython with a shared libpython outside the loader's path.
"""

from __future__ import annotations

import io
import re
import shlex
import sys
import tempfile
from pathlib import Path

import pexpect
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from tests.commands import ROOT, clean_environment, git, publish, with_path
from tests.pythons import shared_interpreters

COMMANDS = r"""
copier copy -q --defaults -d example=false gh:org/pyo3-uv-template myproj
cd myproj && uv sync -q
uv run -q python -c 'from myproj import *; print(sum_of_squares([3, 4, float("nan")]))'
sed -i 's/into_iter()/into_iter().filter(|v| v.is_finite())/' src/lib.rs
uv run -q python -c 'from myproj import *; print(sum_of_squares([3, 4, float("nan")]))'
cargo test -q
"""
WIDTH = 94


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="terminal-") as name:
        output = record(Path(name))
    assert "25.0" in output and "test result: \x1b[32mok" in output, output
    (Path(__file__).with_name("terminal.svg")).write_text(svg(output), encoding="utf-8")


def record(folder: Path) -> str:
    """Run COMMANDS in `folder`, as bash shows them; gh:org/pyo3-uv-template is a clone of HEAD."""
    env = with_path(clean_environment(**publish(ROOT, folder), TERM="xterm-256color"), folder)
    env["UV_PYTHON"] = str(shared_interpreters()[-1].path)
    git(folder / "org/pyo3-uv-template.git", "tag", "v0.1.0")
    (folder / "copier").symlink_to(Path(sys.executable).with_name("copier"))
    script = folder / "script"
    prompt = r"printf '\033[32m$\033[0m \033[1m%s\033[0m\n' "
    lines = [f"{prompt} {shlex.quote(line)}; {line}" for line in COMMANDS.strip().splitlines()]
    script.write_text("\n".join(["set -e", *lines]))
    done, code = pexpect.run(
        f"bash {script}",
        timeout=300,
        withexitstatus=True,
        cwd=str(folder),
        env=env,
        encoding="utf-8",
        dimensions=(30, WIDTH),
    )
    assert code == 0, done
    return done.replace("\r\n", "\n").strip()


def svg(output: str) -> str:
    """Return `output` as a picture, in fonts that the reader has."""
    console = Console(record=True, width=WIDTH, force_terminal=True, file=io.StringIO())
    console.print(Text.from_ansi(output))
    style = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    fonts = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
    style = style.replace("Fira Code, monospace", fonts)
    return console.export_svg(title="myproj", code_format=style, unique_id="terminal")


if __name__ == "__main__":
    main()
