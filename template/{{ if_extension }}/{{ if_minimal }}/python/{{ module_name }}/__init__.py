"""Numeric functions, implemented in Rust."""

from ._core import sum_of_squares

__all__ = ["sum_of_squares"]
