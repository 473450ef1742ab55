"""Thespian's capabilities: what a system has, and whether that is what an actor asks for."""

import sys
import time
from typing import Any

from thespian.actors import Actor, ThespianGeneration


def common() -> dict[str, Any]:
    """What every system of Thespian's says of itself."""
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
    """True if the actor's own check, where it has one, lets it run on a system with these capabilities."""
    check = getattr(actor, "actorSystemCapabilityCheck", None)
    return check is None or bool(check(capabilities, requirements or {}))
