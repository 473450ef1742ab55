"""The outcome of a call that was cut, or that ended without a word of its tool.

A tool's function `verify` returns one of Happened, DidNotHappen and NotKnown. OnUnknown is the policy for NotKnown.
"""

from enum import StrEnum
from typing import Any, TypeAlias

from msgspec import Struct


class Happened(Struct, frozen=True, tag="happened", tag_field="outcome"):
    """The call took effect. result: what the tool would have returned, for the model."""

    result: Any = None


class DidNotHappen(Struct, frozen=True, tag="did_not_happen", tag_field="outcome"):
    """The call did not take effect, and can't take effect any more: it may run again.

    A service that has not heard of the call may still have it on the way. Then the answer is NotKnown.
    """


class NotKnown(Struct, frozen=True, tag="not_known", tag_field="outcome"):
    """Nobody knows whether the call took effect."""


Outcome: TypeAlias = Happened | DidNotHappen | NotKnown


class OnUnknown(StrEnum):
    """The treatment of a call whose outcome is not known.

    TELL: the model reads that the call may or may not have taken effect. ASK: a person decides. RUN: the call runs
    again, with the same idempotency key.
    """

    TELL = "tell"
    ASK = "ask"
    RUN = "run"
