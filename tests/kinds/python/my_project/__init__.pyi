"""By hand: what users import. It re-exports the generated stub, and has what that cannot say."""

from typing import overload

from ._core import (
    ANSWER,
    Base,
    Color,
    Failure,
    Full,
    Pair,
    ParseError,
    Point,
    Shape,
    Timeout,
    Vector,
    count,
    keywords,
    norm,
    other,
    parse,
    sub,
)

__all__ = [
    "ANSWER",
    "Base",
    "Color",
    "Failure",
    "Full",
    "Pair",
    "ParseError",
    "Point",
    "Shape",
    "Timeout",
    "Vector",
    "add",
    "count",
    "keywords",
    "norm",
    "other",
    "parse",
    "sub",
]

@overload
def add(a: int, b: int) -> int: ...
@overload
def add(a: str, b: str) -> str: ...
