"""Kinds of things."""

import sys

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
    add,
    count,
    keywords,
    norm,
    other,
    parse,
    sub,
)

# The stub says that it can be imported: https://pyo3.rs/latest/module#python-submodules
sys.modules["my_project._core.other"] = other
sys.modules["my_project._core.sub"] = sub

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
