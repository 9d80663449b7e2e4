"""
Users and groups that are read from JSON and written to it.
"""

from typing import final

from _typeshed import SupportsGetItem

__all__ = ["Group", "User"]

@final
class Group:
    """
    A named group of users, immutable.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, name: str) -> Group: ...
    @property
    def name(self, /) -> str: ...

@final
class User:
    """
    A user with copies of the friends, immutable; `ValueError` if more than 63 levels deep.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(
        cls, /, username: str, group: Group | None = None, friends: SupportsGetItem[int, User] = ...
    ) -> User: ...
    @property
    def friends(self, /) -> list[User]: ...
    @staticmethod
    def from_json(text: str) -> User:
        """
        Read a user from JSON with `username`, `friends` and perhaps `group`; else `ValueError`.
        """
    @property
    def group(self, /) -> Group | None: ...
    def to_json(self, /) -> str:
        """
        Return the user as JSON, on one line.
        """
    @property
    def username(self, /) -> str: ...
