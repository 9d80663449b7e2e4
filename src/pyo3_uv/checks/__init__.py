"""What can be wrong with a project. Each check is one class, with the cure that it knows.

To add one, write its class in the module of its subject and name it in CHECKS. The facts behind
the checks are in docs/troubleshooting.md and in the tests.
"""

from __future__ import annotations

from pyo3_uv.checks.base import Check, Problem
from pyo3_uv.checks.environment import Environment, Force, SelectedInterpreter, StaleConfiguration
from pyo3_uv.checks.linking import (
    ExtensionModule,
    LibpythonMissing,
    LibpythonNotFound,
    NoRpath,
    TestsBuild,
)
from pyo3_uv.checks.rebuilds import CacheKeys, ModuleMissing, ModuleName, SlowRebuilds
from pyo3_uv.checks.start import Initialize, OtherEnvironment, StandardLibrary

# In the order in which they are made and shown
CHECKS: tuple[type[Check], ...] = (
    Environment,
    Force,
    SelectedInterpreter,
    StaleConfiguration,
    ExtensionModule,
    LibpythonMissing,
    LibpythonNotFound,
    NoRpath,
    StandardLibrary,
    OtherEnvironment,
    Initialize,
    CacheKeys,
    SlowRebuilds,
    ModuleName,
    ModuleMissing,
    TestsBuild,
)

__all__ = ["CHECKS", "Check", "Problem"]
