"""Commands as a user types them: in a POSIX shell, on Windows in PowerShell."""

import os
import re
import shlex
from collections.abc import Sequence

WINDOWS = os.name == "nt"


def quote(word: str) -> str:
    """Return a word as the shell takes it for one."""
    if not WINDOWS:
        return shlex.quote(word)
    # What PowerShell gives no meaning to
    return word if re.fullmatch(r"[\w.:\\/=+-][\w.:\\/=+~-]*", word) else _string(word)


def _string(word: str) -> str:
    """Return a string of PowerShell: an expression needs one where an argument needs no quotes."""
    return "'" + word.replace("'", "''") + "'"


def join(command: Sequence[str | os.PathLike[str]]) -> str:
    """Return a command as a line; `&` starts a program whose name is quoted, in PowerShell."""
    line = " ".join(quote(os.fspath(word)) for word in command)
    return f"& {line}" if WINDOWS and line.startswith("'") else line


def chain(*lines: str) -> str:
    """Return a line that runs one after the other; the PowerShell of Windows knows no `&&`."""
    return ("; " if WINDOWS else " && ").join(lines)


def search(pattern: str, path: str) -> str:
    """Return what shows the lines of a file that match, with their numbers."""
    if WINDOWS:
        return f"Select-String -CaseSensitive {quote(pattern)} -LiteralPath {quote(path)}"
    return f"grep -nE {quote(pattern)} {quote(path)}"


def head(path: str, lines: int) -> str:
    """Return what shows the first lines of a file."""
    if WINDOWS:
        return f"Get-Content -TotalCount {lines} -LiteralPath {quote(path)}"
    return f"head -n {lines} {quote(path)}"


def listing(path: str) -> str:
    """Return what shows whether a file is there."""
    return f"{'dir -LiteralPath' if WINDOWS else 'ls'} {quote(path)}"


def not_there(path: str) -> str:
    """Return what that says where there is none."""
    return f"Cannot find path '{path}'" if WINDOWS else "No such file or directory"


def where(*programs: str) -> str:
    """Return what shows which of these programs PATH has."""
    return " ".join(["where.exe" if WINDOWS else "command -v", *programs])


def show(variable: str) -> str:
    """Return what shows an environment variable."""
    return f"$env:{variable}" if WINDOWS else f'echo "${variable}"'


def put_back(path: str, to: str) -> str:
    """Return what moves a copy of a file to where the file is."""
    if WINDOWS:
        return f"Move-Item -Force -LiteralPath {_string(path)} {_string(to)}"
    return join(["mv", "--", path, to])


def set_to_path(variable: str, folder: str, path: str) -> str:
    """Return what sets a variable to a path in the folder that another one names."""
    if WINDOWS:
        return f'$env:{variable} = "$env:{folder}\\{path}"'
    return f'export {variable}="${folder}/{path}"'


def prepend_to_path(folder: str) -> str:
    """Return what puts a folder first on PATH."""
    if WINDOWS:
        return f"$env:PATH = {_string(folder)} + ';' + $env:PATH"
    return f"export PATH={quote(folder)}:$PATH"


def unset(variable: str) -> str:
    """Return what removes an environment variable."""
    return f"Remove-Item env:{variable}" if WINDOWS else f"unset {variable}"


def python() -> str:
    """Return the name under which a Python is on PATH."""
    return "python" if WINDOWS else "python3"
