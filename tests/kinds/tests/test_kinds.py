"""The types of the stub, used; mypy's warn_unused_ignores makes sure of the wrong ones."""

import numpy
import pytest

from my_project import (
    ANSWER,
    Base,
    Color,
    Failure,
    Full,
    Pair,
    ParseError,
    Shape,
    Timeout,
    Vector,
    add,
    count,
    keywords,
    norm,
    parse,
    sub,
)


class Derived(Base):
    """A class of Python under one of Rust."""


def test_right() -> None:
    total: int = add(ANSWER, Derived(2).double) + sub.inner(1)
    text: str = add("a", "b") + Base.name()
    assert (total, text) == (47, "abBase")
    length: float = norm(numpy.ones(3))
    assert length == 3.0
    assert isinstance(Shape.Circle(2), Shape)
    assert Color.Red != Color.Green
    assert keywords(None, 2, 3, c="y", d=4) == {}
    lists: dict[str, list[float]] = {"a": [1.0]}
    numbers: dict[tuple[int, int, int], int] = {(1, 2, 3): 4}
    assert count(lists, numbers, {1}) == 3
    with Vector() as vector:
        assert vector + 2 == 2
    failure: Failure = Timeout("late")
    full: Exception = Full("no more")
    assert isinstance(full, Exception)
    assert Pair[int] is not Pair
    assert isinstance(failure, OSError)
    with pytest.raises(ParseError, match="no number: x"):
        parse("x")


def test_wrong() -> None:
    with pytest.raises(TypeError):
        add(1, "b")  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        2 + Vector()  # type: ignore[operator]
    with pytest.raises(AttributeError):
        norm([1.0])  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Base("1")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        parse(1)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        sub.inner("x")  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        assert Color.Blue  # type: ignore[attr-defined]
