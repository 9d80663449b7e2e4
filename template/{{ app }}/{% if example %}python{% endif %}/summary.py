"""Summary of a user; compiled into the program by src/main.rs."""

from prettytable import PrettyTable
from users import User


def summarize(user: User) -> str:
    """Return a table of `user` and all friends, the friends' friends included.

    Args:
        user: The user in the first row.
    """
    table = PrettyTable(["user", "group", "friends"], align="l")
    _add(table, user, "")
    return f"{table}\n"


def _add(table: PrettyTable, user: User, indent: str) -> None:
    group = user.group.name if user.group else ""
    table.add_row([indent + user.username, group, len(user.friends)])
    for friend in user.friends:
        _add(table, friend, indent + "  ")
