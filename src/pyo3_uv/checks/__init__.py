"""What can be wrong with a project: one file a check, with its remedy and its fix.

`find(facts)` of each returns a `Finding`, None where nothing is wrong. The facts behind the checks
are in docs/troubleshooting.md and in the tests.
"""

from importlib import import_module

# In this order checks are made, and problems shown.
NAMES = [
    "no_environment",
    "environment_moved",
    "force",
    "interpreter",
    "stale_configuration",
    "extension_module",
    "library_name",
    "libpython_missing",
    "rpath",
    "embedded_start",
    "no_initialize",
    "auto_initialize",
    "no_version",
    "cache_keys",
    "slow_rebuilds",
    "module_name",
    "module_missing",
    "stub",
    "build_fails",
]
CHECKS = [import_module(f"{__name__}.{name}") for name in NAMES]
