"""The example app without Rust, for tools that bundle Python programs; summary.py is the app's."""

import argparse
import json
import sys
from pathlib import Path

from summary import summarize
from users import Group, User


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Reads a user from JSON and prints the summary that Python code makes of it."
    )
    parser.add_argument("--version", action="version", version="my-app 0.1.0")
    parser.add_argument(
        "file", nargs="?", default="-", help='JSON file with a user; "-" is standard input'
    )
    file = parser.parse_args().file
    text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    sys.stdout.write(summarize(user(json.loads(text))))


def user(fields: dict) -> User:
    group = Group(**fields["group"]) if fields["group"] else None
    return User(fields["username"], group, [user(friend) for friend in fields["friends"]])


if __name__ == "__main__":
    main()
