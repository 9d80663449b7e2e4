"""The example's classes: whatever Python builds of them can be used, and nothing ends the interpreter.

The classes once held references (`Vec<Py<User>>`) and had no limits. Run then, with CPython 3.12.1
and a debug build, a `user` nested by a loop ended the interpreter with a segmentation fault when it
was freed (20,000 levels; 200,000: `del user` alone). At 5,000, `repr(user)` and `==` of two such
trees were a RecursionError, at 200 `User.from_json(user.to_json())` was "recursion limit exceeded".
`friends=range(10**15)` aborted the interpreter (out of memory), `user.friends.append(user)` was lost
in silence, and `hash(user)` was a TypeError. Of HOSTILE, two passed: surrogates and threads.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyo3_uv.interpreters import Interpreter

from .commands import run, uv
from .conftest import Render

pytestmark = pytest.mark.build

BEGIN = """
import itertools, sys, threading
from my_project import Group, User

TOO_DEEP = "friends are nested more than 32 levels deep"
TOO_LARGE = "a user and all friends take more than 1048576 bytes"

def nest(levels, width=1):
    user = User("a")
    for _ in range(levels):
        user = User("a", Group("b"), [user] * width)
    return user

def check(user):
    copy = User.from_json(user.to_json())
    assert copy == user and hash(copy) == hash(user) and repr(copy) == repr(user)
    assert eval(repr(user)) == user
    assert User(user.username, user.group, user.friends) == user

def error(function, *args, kind=ValueError, **kwargs):
    try:
        function(*args, **kwargs)
    except kind as error:
        return str(error)
    raise AssertionError("no error")
"""

HOSTILE = {
    "nested 5,000": "assert error(nest, 5_000) == TOO_DEEP",
    "nested 200,000": "assert error(nest, 200_000) == TOO_DEEP",
    "largest depth": "check(nest(32)); assert error(nest, 33) == TOO_DEEP",
    # Half of what Python gives a thread with musl, which is the smallest stack
    "largest depth, small stack": """
        threading.stack_size(512 * 1024)
        done = []
        thread = threading.Thread(target=lambda: done.append(check(nest(32))))
        thread.start()
        thread.join()
        assert done == [None]
        """,
    "doubled": "check(nest(12, 2)); assert error(nest, 64, 2) == TOO_LARGE",
    "multiplied": "assert error(nest, 3, 1_000_000) == TOO_LARGE",
    "long names": """
        long = User("a" * 10**8, Group("b" * 10**8))
        check(User("a" * 10**6, Group("b")))
        assert error(User, "a", None, [long] * 1000) == TOO_LARGE
        assert error(User, "a" * 10**8, None, [User("b")]) == TOO_LARGE
        """,
    "without an end": """
        assert error(User, "a", None, itertools.repeat(User("b"))) == TOO_LARGE
        """,
    "no users": """
        for friends in (range(10**15), [None], [Group("a")], ["a"], "a", 1):
            error(User, "a", None, friends, kind=TypeError)
        """,
    "JSON nested 5,000": """
        for levels in (34, 63, 5_000, 200_000):
            text = '{"username":"a","friends":[' * levels + "]}" * levels
            assert error(User.from_json, text).split(" at line 1")[0] in (
                TOO_DEEP, "recursion limit exceeded"
            )
        """,
    "JSON too large": """
        friends = ",".join(['{"username":"a","friends":[]}'] * 100_000)
        text = '{"username":"a","friends":[' + friends + "]}"
        assert error(User.from_json, text) == TOO_LARGE
        """,
    "surrogates": """
        error(User, "\\ud800")
        error(User.from_json, "\\ud800")
        error(User.from_json, '{"username":"\\\\ud800","friends":[]}')
        """,
    "immutable": """
        user = User("a", Group("b"), [User("c")])
        before = user.to_json()
        assert "append" in error(lambda: user.friends.append(user), kind=AttributeError)
        for owner, name in ((user, "friends"), (user, "group"), (user.group, "name"), (user, "x")):
            error(setattr, owner, name, None, kind=AttributeError)
        friends = [User("c")]
        other = User("a", Group("b"), friends)
        friends.clear()
        assert other == user and user.to_json() == before
        """,
    "equal and hashed": """
        same = [User("a", Group("b"), [User("c")]) for _ in range(2)]
        others = [User("a"), User("a", Group("b")), User("a", None, [User("c")]), User("c")]
        assert len({*same}) == 1 and len({*same, *others}) == 5
        assert hash(Group("a")) == hash(Group("a")) and len({Group("a"), Group("b")}) == 2
        """,
    "shared by threads": """
        user = nest(8, 2)
        text, results = user.to_json(), []
        def work():
            for _ in range(20):
                results.append(User.from_json(text) == user and user.to_json() == text)
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [True] * 160
        """,
}

# Each step makes users, one after the other, whose friends are the last ones made, in any number.
PROPERTY = """
from hypothesis import HealthCheck, given, settings, strategies as st

names = st.text(max_size=20) | st.builds(str.__mul__, st.text(max_size=20), st.just(1000))
friends = st.just([0]) | st.lists(st.integers(0, 5), max_size=4)
steps = st.lists(st.tuples(names, st.none() | names, friends, st.integers(1, 40)), min_size=1)
seen = set()

@settings(
    derandomize=True, database=None, deadline=None, max_examples=50,
    suppress_health_check=list(HealthCheck),
)
@given(steps)
def test(steps):
    users = []
    for name, group, picks, times in steps:
        group = None if group is None else Group(group)
        for _ in range(times):
            friends = tuple(users[-1 - pick % len(users)] for pick in picks if users)
            try:
                user = User(name, group, friends)
            except ValueError as error:
                seen.add(str(error))
                break
            assert (user.username, user.group, user.friends) == (name, group, friends)
            users.append(user)
    check(users[-1])

test()
assert seen == {TOO_DEEP, TOO_LARGE}, "both limits were reached, and nothing else failed"
"""


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


def test_every_tree_can_be_used(project: Path, env: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "trees.py"
    script.write_text(f"{BEGIN}{PROPERTY}print('alive')\n")
    command = [uv(), "run", "--quiet", "--with", "hypothesis", "python", script]
    assert run(command, project, env).output == "alive\n"
