"""The dependencies that pyproject.toml declares, and the installed distributions that they bring."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement

ROOT: Final = Path(__file__).parents[2]
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OWN: Final = ("actors", "agents", "supervisors")


def normal(name: str) -> str:
    """Return a distribution's name as indexes compare it. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    """Return the direct dependencies of the core, or only those of the extras."""
    lines = [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    names = {normal(Requirement(line).name) for line in (lines if extras else PROJECT["dependencies"])}
    return names - {"understudy"}


def closure(names: Iterable[str]) -> set[str]:
    """Return the distributions, and all that they need here."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += _needs(name)
    return found


def _needs(name: str) -> Iterator[str]:
    for line in metadata.requires(name) or ():
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate({"extra": ""}):
            yield normal(needed.name)


def modules_of(distributions: Iterable[str]) -> set[str]:
    """Return the import names that only these installed distributions bring."""
    chosen = set(distributions)
    return {module for module, owners in _owners().items() if owners <= chosen}


@cache
def _owners() -> dict[str, set[str]]:
    return {module: set(map(normal, names)) for module, names in metadata.packages_distributions().items()}
