"""Users and groups, implemented in Rust."""

from ._core import Group, User

__all__ = ["Group", "User"]
