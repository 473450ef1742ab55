"""A testing kit: an application for one test, whose provider is a rehearsal. docs/testing.md shows its use.

An entry point loads agents.testing.plugin into each run of pytest. This package imports its modules at their first use,
so that a run without an application pays nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.testing.comparable import snapshot
    from agents.testing.recording import record, recordings
    from agents.testing.stage import Stage, real_stage, simulated_stage

__all__ = ["Stage", "real_stage", "record", "recordings", "simulated_stage", "snapshot"]

_LATE = {
    "Stage": "agents.testing.stage",
    "real_stage": "agents.testing.stage",
    "record": "agents.testing.recording",
    "recordings": "agents.testing.recording",
    "simulated_stage": "agents.testing.stage",
    "snapshot": "agents.testing.comparable",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)
