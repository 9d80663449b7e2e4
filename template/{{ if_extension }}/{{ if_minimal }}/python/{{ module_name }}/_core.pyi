"""Numeric functions, implemented in Rust."""

from collections.abc import Sequence

__all__ = ["sum_of_squares"]

def sum_of_squares(values: Sequence[float]) -> float:
    """Return the sum of the squares of `values`.

    Args:
        values: Numbers, in any order.

    Raises:
        TypeError: `values` is not a sequence of numbers.
    """
