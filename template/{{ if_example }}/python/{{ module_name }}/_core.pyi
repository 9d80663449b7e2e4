"""Users and groups that are read from JSON and written to it."""

from collections.abc import Sequence
from typing import ClassVar, final

__all__ = ["Group", "User"]

@final
class Group:
    """A named group of users.

    Args:
        name: Name of the group.
    """

    def __new__(cls, name: str) -> Group: ...
    @property
    def name(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class User:
    """A user, immutable, so that no user can be among their own friends (JSON has no cycles).

    Args:
        username: Name of the user.
        group: The user's group, if any.
        friends: Other users.
    """

    def __new__(
        cls, username: str, group: Group | None = None, friends: Sequence[User] = ()
    ) -> User: ...
    @property
    def username(self) -> str: ...
    @property
    def group(self) -> Group | None: ...
    @property
    def friends(self) -> list[User]: ...
    @staticmethod
    def from_json(text: str) -> User:
        """Read a user from JSON.

        Args:
            text: A JSON object with `username`, `friends` and perhaps `group`.

        Raises:
            ValueError: `text` is malformed or not a user; the message ends with line and column.
        """

    def to_json(self) -> str:
        """Return the user as JSON, on one line."""

    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]
