"""Record terminal.svg, doctor.svg and fix.svg: the commands below, run in a real terminal.

    uv run python -m docs.terminal

The projects get the newest CPython with a shared libpython outside the loader's path.
"""

import io
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import pexpect
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from tests.commands import ROOT, clean_environment, commit_all, git, publish, run, with_path
from tests.pythons import shared_interpreters

COMMANDS = r"""
copier copy -q --defaults -d example=false gh:org/pyo3-uv-template myproj
cd myproj && uv sync -q
uv run -q python -c 'from myproj import *; print(sum_of_squares([3, 4, float("nan")]))'
sed -i 's/into_iter()/into_iter().filter(|v| v.is_finite())/' src/lib.rs
uv run -q python -c 'from myproj import *; print(sum_of_squares([3, 4, float("nan")]))'
cargo test -q
"""
# In a copy of the project of uv issue 11006
DOCTOR = """
pyo3-uv doctor
"""
FIX = """
pyo3-uv fix --yes
"""
WIDTH = 94
WIDE = 120


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="terminal-") as name:
        folder = Path(name)
        output = record(folder, COMMANDS, WIDTH)
        assert "25.0" in output and "test result: \x1b[32mok" in output, output
        write("terminal", "myproj", output, WIDTH)

        project = folder / "example"
        shutil.copytree(ROOT / "tests/seed", project)
        run(["uv", "venv", "--quiet", "--python", shared_interpreters()[-1].path], project)
        commit_all(project)
        output = record(project, DOCTOR, WIDE)
        assert "libpython-not-found" in output, output
        write("doctor", "pyo3-uv doctor", output, WIDE)
        output = record(project, FIX, WIDE)
        assert "healthy" in output, output
        write("fix", "pyo3-uv fix", output, WIDE)


def write(name: str, title: str, output: str, width: int) -> None:
    picture = svg(output, title, width, name)
    Path(__file__).with_name(f"{name}.svg").write_text(picture, encoding="utf-8")


def record(folder: Path, commands: str, width: int) -> str:
    """Run commands in `folder`, as bash shows them; gh:org/pyo3-uv-template is a clone of HEAD."""
    with tempfile.TemporaryDirectory(prefix="terminal-") as name:
        home = Path(name)
        env = with_path(clean_environment(**publish(ROOT, home), TERM="xterm-256color"), home)
        env["UV_PYTHON"] = str(shared_interpreters()[-1].path)
        git(home / "org/pyo3-uv-template.git", "tag", "v0.1.0")
        for program in ("copier", "pyo3-uv"):
            (home / program).symlink_to(Path(sys.executable).with_name(program))
        script = home / "script"
        prompt = r"printf '\033[32m$\033[0m \033[1m%s\033[0m\n' "
        lines = [f"{prompt} {shlex.quote(line)}; {line}" for line in commands.strip().splitlines()]
        script.write_text("\n".join(lines), encoding="utf-8")
        done = pexpect.run(
            f"bash {script}",
            timeout=600,
            cwd=str(folder),
            env=env,
            encoding="utf-8",
            dimensions=(30, width),
        )
    # What the spinner of a terminal has left, and paths of this machine
    done = re.sub(r"\x1b\[\?25[hl]", "", done.replace("\r\n", "\n"))
    done = re.sub(r"[^\n]*(\r\x1b\[2K|\n\r\x1b\[1A\x1b\[2K)", "", done)
    for path, shown in ((folder.parent, "~"), (Path.home(), "~")):
        done = done.replace(str(path), shown)
    return done.strip()


def svg(output: str, title: str, width: int, name: str) -> str:
    """Return `output` as a picture, in fonts that the reader has."""
    console = Console(record=True, width=width, force_terminal=True, file=io.StringIO())
    console.print(Text.from_ansi(output))
    style = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    fonts = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
    style = style.replace("Fira Code, monospace", fonts)
    return console.export_svg(title=title, code_format=style, unique_id=name)


if __name__ == "__main__":
    main()
