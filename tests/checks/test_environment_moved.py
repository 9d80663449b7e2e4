"""Scripts of an environment that start the Python of another one."""

import sys
from pathlib import Path

from pyo3_uv.checks.environment_moved import scripts_of_another
from pyo3_uv.facts.interpreters import Interpreter


def test_scripts_of_another_environment(tmp_path: Path, middle: Interpreter) -> None:
    """Those that start this environment's Python, by any path, or the system's, are none."""
    folder = tmp_path / "venv/bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(middle.path)
    (tmp_path / "link").symlink_to(tmp_path / "venv")
    shell = "#!/bin/sh\n'''exec' '{}' \"$0\" \"$@\"\n"
    texts = {
        "own": f"#!{folder}/python\n",
        "linked": f"#!{tmp_path}/link/bin/python3\n",
        "system": f"#!{sys.base_prefix}/bin/python3\n",
        "relocatable": '#!/bin/sh\n\'\'\'exec\' "$(dirname "$0")/python" "$0" "$@"\n',
        "gone": "#!/absent/.venv/bin/python3\n",
        "spaces": shell.format("/absent/my project/.venv/bin/python"),
        "copied": f"#!{Path(sys.prefix) / 'bin/python'}\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    found = scripts_of_another(tmp_path / "venv")
    assert {script.name for script in found} == {"gone", "spaces", "copied"}
