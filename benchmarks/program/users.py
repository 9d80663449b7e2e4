"""What src/users.rs is in the app.

No dataclasses: they would import `inspect`, which makes the start slower, and the app does not.
"""

from __future__ import annotations

from typing import NamedTuple


class Group(NamedTuple):
    name: str


class User(NamedTuple):
    username: str
    group: Group | None
    friends: list[User]
