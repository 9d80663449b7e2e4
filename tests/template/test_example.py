"""The example's classes: whatever Python builds or reads of them can be used, and nothing ends it.

How deep users nest is limited; without the limit a debug build overflows the stack. Memory is not:
friends are copies, so `[user, user]`, repeated, takes twice as much each time.
"""

import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import run
from tests.conftest import Render

pytestmark = pytest.mark.build

BEGIN = """
import threading
from my_project import Group, User

def nest(levels):
    user = User("a", Group("b"))
    for _ in range(levels - 1):
        user = User("a", Group("b"), [user])
    return user

def nested_json(levels):
    return '{"username":"a","friends":[' * levels + "]}" * levels

def check(user):
    copy = User.from_json(user.to_json())
    assert copy == user and hash(copy) == hash(user) and repr(copy) == repr(user)
    assert User(user.username, user.group, user.friends) == user

def error(function, *args, kind=ValueError):
    try:
        function(*args)
    except kind as error:
        return str(error)
    raise AssertionError("no error")
"""

HOSTILE = {
    "nested": """
        for levels in (64, 5_000, 200_000):
            assert error(nest, levels) == "users nest at most 63 levels deep"
            message = error(User.from_json, nested_json(levels))
            assert message.startswith("not the JSON of a user, at most 63 levels deep: ")
            assert "recursion limit exceeded at line 1 column 17" in message
        """,
    # A quarter of what Python gives a thread with musl, which is the smallest stack
    "largest depth, small stack": """
        threading.stack_size(256 * 1024)
        done = []
        def work():
            check(nest(63))
            check(User.from_json(nested_json(63)))
            done.append(True)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert done == [True]
        """,
    "no users": """
        for friends in ([None], [Group("a")], ["a"], "a", 1, None):
            error(User, "a", None, friends, kind=TypeError)
        for text in ("", "{", "[]", "null", '{"username":"a"}', '{"username":1,"friends":[]}'):
            assert " at line 1 column " in error(User.from_json, text)
        error(User, "\\ud800")
        error(User.from_json, '{"username":"\\\\ud800","friends":[]}')
        """,
    "immutable": """
        user = User("a", Group("b"), [User("c")])
        before = user.to_json()
        for owner, name in ((user, "friends"), (user, "group"), (user.group, "name"), (user, "x")):
            error(setattr, owner, name, None, kind=AttributeError)
        user.friends.append(user)
        assert user.to_json() == before
        """,
    "equal and hashed": """
        same = [User("a", Group("b"), [User("c")]) for _ in range(2)]
        others = [User("a"), User("a", Group("b")), User("a", None, [User("c")]), User("c")]
        assert len({*same}) == 1 and len({*same, *others}) == 5 and User("a") != "a"
        assert len({Group("a"), Group("a"), Group("b")}) == 2
        """,
}


@pytest.fixture(scope="module")
def project(shared_project: Render, middle: Interpreter, env: dict[str, str]) -> Iterator[Path]:
    folder = shared_project(middle, env)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", HOSTILE)
def test_python_stays_alive(project: Path, env: dict[str, str], tmp_path: Path, name: str) -> None:
    code = textwrap.dedent(HOSTILE[name])
    script = tmp_path / "hostile.py"
    script.write_text(f"{BEGIN}\n{code}\nprint('alive')\n")
    command = [project / ".venv/bin/python", "-X", "faulthandler", script]
    assert run(command, project, env).output == "alive\n"
