"""The places of faults in the sources of the settings."""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from agents.configuration.sources.reading import Mark
from agents.core.faults import Fault, KeyPath, Where

ELSEWHERE: Final = Where("settings")
"""The place of a fault of values that no source gives."""


def faulty(path: KeyPath, marks: Mapping[KeyPath, Mark], expected: str, got: str) -> Fault:
    return placed(Fault(path, expected, got), marks)


def placed(fault: Fault, marks: Mapping[KeyPath, Mark]) -> Fault:
    """Return the fault at the place of the value, or of the nearest enclosing value that has a place."""
    path = fault.path
    around = next((marks[path[:length]] for length in range(len(path), 0, -1) if path[:length] in marks), None)
    return replace(fault, where=ELSEWHERE if around is None else around.where)
