"""What can be wrong with a project. Each check is one class, with its fix.

To add one, write its class in the module of its subject. The facts behind the checks are in
docs/troubleshooting.md and in the tests.
"""

from __future__ import annotations

from pyo3_uv.checks import build, environment, linking, rebuilds, start, stubs
from pyo3_uv.checks.base import Check

# In this order, and in that of the classes in a module, checks are made and problems shown.
CHECKS: list[type[Check]] = [
    kind
    for subject in (environment, linking, start, rebuilds, stubs, build)
    for kind in vars(subject).values()
    if isinstance(kind, type) and issubclass(kind, Check) and kind.__module__ == subject.__name__
    if not kind.__name__.startswith("_")
]
