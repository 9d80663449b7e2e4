"""What can be wrong with a project: one file a check, with its remedy and its fix.

`find(facts)` of each returns a `Finding`, None where nothing is wrong. The facts behind the checks
are in docs/troubleshooting.md and in the tests.
"""

from importlib import import_module

# In this order checks are made, and problems shown: first what is found out at once.
NAMES = [
    "no_environment",
    "environment_moved",
    "force",
    "library_name",
    "no_version",
    "cache_keys",
    "slow_rebuilds",
    "editable_profile",
    "module_name",
    "module_missing",
    "module_held",
    # These start an interpreter, or build the tests, if there are some.
    "interpreter",
    "stale_configuration",
    "extension_module",
    "libpython_missing",
    "rpath",
    "embedded_start",
    "no_initialize",
    "auto_initialize",
    "stub",
    "build_fails",
]
CHECKS = [import_module(f"{__name__}.{name}") for name in NAMES]
