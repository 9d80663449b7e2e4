"""What the features of a crate switch on, in itself and in PyO3."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from pyo3_uv.facts.pyo3_crate import Pyo3Crate


@dataclass
class Features:
    """The features of a crate; `packaged` are those with which its Python package is built."""

    crate: Pyo3Crate
    packaged: tuple[str, ...]

    @cached_property
    def built(self) -> tuple[str, ...]:
        """The features to build with: the chosen ones, else one that switches an optional PyO3 on."""
        crate = self.crate
        if crate.chosen or not all(d["optional"] for d in crate.pyo3(None)):
            return crate.chosen
        names = self.switching_on(crate.key)
        if names & self.default:
            return ()
        written = names & crate.manifest.get("features", {}).keys()  # not the implicit ones
        found = next(((name,) for name in self.packaged if name in names), None)
        return found or self.smallest(written or names)[:1]

    @property
    def cargo_test(self) -> str:
        """The command that tests the crate with PyO3."""
        return " ".join(["cargo test", *(f"--features {name}" for name in self.built)])

    @cached_property
    def default(self) -> set[str]:
        """The crate's own features that are on by default, and what they switch on in PyO3."""
        return self.on("default")

    def of_pyo3(self, feature: str, kinds: tuple[str | None, ...] = (None,)) -> bool:
        """Whether PyO3's `feature` is on without further flags."""
        for kind in kinds:
            for dependency in self.crate.pyo3(kind):
                key = dependency.get("rename") or self.crate.binding
                through = {f"{key}/{feature}", f"{key}?/{feature}"}
                if feature in dependency["features"] or through & self.default:
                    return True
        return False

    def leads_to(self, features: Iterable[str], feature: str) -> bool:
        """Whether some features of the crate, or of a dependency, switch on one as `pyo3/x`."""
        on = {found for name in features for found in self.on(name)}
        return bool({feature, feature.replace("/", "?/")} & on)

    def switching_on(self, dependency: str) -> set[str]:
        """The crate's features with which an optional dependency is built, by its key."""
        marks = (f"dep:{dependency}", f"{dependency}/")
        return {
            feature
            for feature in self.crate.package["features"]
            if any(value.startswith(marks[1]) or value == marks[0] for value in self.on(feature))
        }

    def smallest(self, features: set[str]) -> tuple[str, ...]:
        """Return the features of which one is on where any of these is, as few as possible."""
        kept = (f for f in features if not (self.on(f) - {f}) & features)
        # A circle of features has no smallest.
        return tuple(sorted(kept)) or tuple(sorted(features))

    def on(self, feature: str) -> set[str]:
        """What a feature of the crate switches on, itself included."""
        found: set[str] = set()
        remaining = [feature]
        while remaining:
            if (name := remaining.pop()) not in found:
                found.add(name)
                remaining += self.crate.package["features"].get(name, [])
        return found
