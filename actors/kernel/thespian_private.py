"""Every private name of Thespian that this package uses, for its other modules to import.

tests/actors/test_thespian_private.py names the one that another version of Thespian moved.
"""

from thespian.system import isInternalActorSystemMessage
from thespian.system.messages.status import Thespian_ActorStatus, Thespian_StatusReq, Thespian_SystemStatus
from thespian.system.timing import ExpirationTimer, timePeriodSeconds
from thespian.system.utilis import actualActorClass, withPossibleInitArgs

__all__ = [
    "ExpirationTimer",
    "Thespian_ActorStatus",
    "Thespian_StatusReq",
    "Thespian_SystemStatus",
    "actualActorClass",
    "isInternalActorSystemMessage",
    "timePeriodSeconds",
    "withPossibleInitArgs",
]
