"""Approval of calls: who waits for one, by which id, until when; and what an answer came to.

    asked --approve--> approved: the call runs
          --deny-----> denied
          --deadline-> expired, which is a denial

An answer is for one call and for the arguments that were asked for: a call whose arguments changed is another call.
"""

import asyncio
from collections.abc import Callable
from typing import Literal, TypeAlias

from msgspec import Struct

from agents.core.conversation import ToolCall
from agents.tools.errors import InvalidArguments
from agents.tools.forked import children_end_here
from agents.tools.tool import Tool

Decision: TypeAlias = Literal["approved", "denied", "expired"]


class Decided(Struct, frozen=True):
    """The answer was the first, and stands."""

    call_id: str
    decision: Decision


class AlreadyDecided(Struct, frozen=True):
    """The answer came too late; this one stands."""

    call_id: str
    decision: Decision


class NotAsked(Struct, frozen=True):
    """No call with this id has been asked for."""

    call_id: str


class OtherArguments(Struct, frozen=True):
    """The answer was for other arguments than the call has; it still waits. asked: what it has."""

    call_id: str
    asked: str


Answer: TypeAlias = Decided | AlreadyDecided | NotAsked | OtherArguments


def required(tool: Tool, arguments: str) -> bool:
    """True if the tool wants an approval of a call with these arguments. Raises InvalidArguments."""
    needed = tool.requires_approval
    if needed is False:
        return False
    try:
        with children_end_here():
            values = tool.arguments(arguments)
            return needed is True or bool(needed(**values))
    except InvalidArguments:
        raise
    except Exception:  # noqa: BLE001 - code that the tool brought along: where it can't say, a person has to
        return True


class Approvals:
    """The calls of a turn that wait for an answer.

    on_decision: called with a call's number, the decision and its reason, once for each call that was asked for.
    """

    def __init__(self, on_decision: Callable[[int, Decision, str], None]) -> None:
        self._on_decision = on_decision
        self._asked: dict[int, tuple[ToolCall, asyncio.TimerHandle]] = {}
        self._decided: dict[str, Decision] = {}

    def ask(self, number: int, call: ToolCall, timeout_s: float) -> None:
        why = f"no answer within {timeout_s:g} s"
        timer = asyncio.get_running_loop().call_later(timeout_s, self._decide, number, "expired", why)
        self._asked[number] = call, timer

    def approve(self, call_id: str, arguments: str | None = None) -> Answer:
        """arguments: exactly those that were asked for; None: those, whatever they are."""
        return self._answer(call_id, "approved", arguments, "")

    def deny(self, call_id: str, reason: str = "") -> Answer:
        return self._answer(call_id, "denied", None, reason)

    def close(self) -> None:
        """Nobody waits any more."""
        for _, timer in self._asked.values():
            timer.cancel()
        self._asked.clear()

    def _answer(self, call_id: str, decision: Decision, arguments: str | None, reason: str) -> Answer:
        number = next((number for number, (call, _) in self._asked.items() if call.id == call_id), None)
        if number is None:
            decided = self._decided.get(call_id)
            return NotAsked(call_id) if decided is None else AlreadyDecided(call_id, decided)
        asked = self._asked[number][0].arguments
        if arguments is not None and arguments != asked:
            return OtherArguments(call_id, asked)
        self._decide(number, decision, reason)
        return Decided(call_id, decision)

    def _decide(self, number: int, decision: Decision, reason: str) -> None:
        call, timer = self._asked.pop(number)
        timer.cancel()
        self._decided[call.id] = decision
        self._on_decision(number, decision, reason)
