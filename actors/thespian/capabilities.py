"""Thespian's capabilities of a system, and the check that they suffice for an actor."""

import sys
import time
from typing import Any

from thespian.actors import Actor, ThespianGeneration


def common() -> dict[str, Any]:
    """Return the capabilities that every Thespian system has."""
    return {
        "Python Version": tuple(sys.version_info),
        "Thespian Generation": ThespianGeneration,
        "Thespian Version": str(int(time.time() * 1000)),
        "Thespian ActorSystem Name": "asyncioSystem",
        "Thespian ActorSystem Version": 2,
        "Thespian Watch Supported": sys.platform != "win32",
        "AllowRemoteActorSources": "No",
    }


def suffice(capabilities: dict[str, Any], actor: type[Actor], requirements: dict[str, Any] | None) -> bool:
    """Return True if the actor has no check of its own, or its check accepts these capabilities."""
    check = getattr(actor, "actorSystemCapabilityCheck", None)
    return check is None or bool(check(capabilities, requirements or {}))
