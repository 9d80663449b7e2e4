"""Users and groups that are read from JSON and written to it."""

from collections.abc import Iterable
from typing import final

__all__ = ["Group", "User"]

@final
class Group:
    """A named group of users, immutable.

    Args:
        name: Name of the group.
    """

    def __new__(cls, name: str) -> Group: ...
    @property
    def name(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class User:
    """A user, immutable, so that no user can be among their own friends (JSON has no cycles).

    Args:
        username: Name of the user.
        group: The user's group, if any.
        friends: Other users, of whom the user keeps copies.

    Raises:
        ValueError: Friends are nested more than 32 levels deep, or they and their names take more
            than 1 MiB of memory.
    """

    def __new__(
        cls, username: str, group: Group | None = None, friends: Iterable[User] = ()
    ) -> User: ...
    @property
    def username(self) -> str: ...
    @property
    def group(self) -> Group | None: ...
    @property
    def friends(self) -> tuple[User, ...]:
        """The user's friends: a tuple, as a list could be changed without changing the user."""

    @staticmethod
    def from_json(text: str) -> User:
        """Read a user from JSON.

        Args:
            text: A JSON object with `username`, `friends` and perhaps `group`.

        Raises:
            ValueError: `text` is malformed or not a user (the message ends with line and column),
                or beyond the limits of `User`.
        """

    def to_json(self) -> str:
        """Return the user as JSON, on one line."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
