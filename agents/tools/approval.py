"""Approvals: the calls of a turn that wait for a person's decision.

    asked --approve--> approved: the call runs
          --deny-----> denied
          --deadline-> expired, which counts as a denial

A decision is valid for one call with the arguments that the person was shown. A call with other arguments is another
call. A person may approve a call with edited arguments: then it runs with those.
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
    """The first decision on a call. It is final."""

    call_id: str
    decision: Decision


class AlreadyDecided(Struct, frozen=True):
    """A refusal: the call was decided earlier. The fields hold that earlier decision."""

    call_id: str
    decision: Decision


class NotAsked(Struct, frozen=True):
    """A refusal: no call with this id has asked for approval."""

    call_id: str


class OtherArguments(Struct, frozen=True):
    """A refusal: the decision names other arguments than the call has. The call still waits.

    asked: the arguments of the call.
    """

    call_id: str
    asked: str


class InvalidEdit(Struct, frozen=True):
    """A refusal: the tool does not accept the edited arguments. The call still waits. reason: what is wrong."""

    call_id: str
    reason: str


Answer: TypeAlias = Decided | AlreadyDecided | NotAsked | OtherArguments | InvalidEdit


def required(tool: Tool, arguments: str) -> bool:
    """Return True if the tool needs an approval for a call with these arguments. Raises InvalidArguments."""
    needed = tool.requires_approval
    if needed is False:
        return False
    try:
        with children_end_here():
            values = tool.arguments(arguments)
            return needed is True or bool(needed(**values))
    except InvalidArguments:
        raise
    except Exception:  # noqa: BLE001 - the tool's own code: if it fails, a person decides
        return True


class Approvals:
    """The calls of a turn that wait for an approval.

    on_decision: called once for each call, with its number, the decision, the reason, and the edited arguments or None.
    """

    def __init__(self, on_decision: Callable[[int, Decision, str, str | None], None]) -> None:
        self._on_decision = on_decision
        self._asked: dict[int, tuple[ToolCall, asyncio.TimerHandle]] = {}
        self._decided: dict[str, Decision] = {}

    def ask(self, number: int, call: ToolCall, timeout_s: float) -> None:
        why = f"no answer within {timeout_s:g} s"
        timer = asyncio.get_running_loop().call_later(timeout_s, self._decide, number, "expired", why)
        self._asked[number] = call, timer

    @property
    def waiting(self) -> tuple[tuple[ToolCall, float], ...]:
        """The calls that wait, each with the seconds until it expires."""
        now_s = asyncio.get_running_loop().time()
        return tuple((call, max(0.0, timer.when() - now_s)) for call, timer in self._asked.values())

    def approve(self, call_id: str, arguments: str | None = None, edited: str | None = None) -> Answer:
        """Approve a call.

        arguments: the exact text that the person was shown. None approves the call whatever its arguments are.
        edited: the arguments to run the call with, which its tool accepts. None: its own.
        """
        return self._answer(call_id, "approved", arguments, edited=edited)

    def deny(self, call_id: str, reason: str = "") -> Answer:
        return self._answer(call_id, "denied", None, reason)

    def withdraw(self, number: int) -> None:
        """Ask no longer."""
        _, timer = self._asked.pop(number)
        timer.cancel()

    def close(self) -> None:
        """Cancel the deadlines of all calls that wait, without a decision."""
        for _, timer in self._asked.values():
            timer.cancel()
        self._asked.clear()

    def _answer(
        self, call_id: str, decision: Decision, arguments: str | None, reason: str = "", edited: str | None = None
    ) -> Answer:
        number = next((number for number, (call, _) in self._asked.items() if call.id == call_id), None)
        if number is None:
            decided = self._decided.get(call_id)
            return NotAsked(call_id) if decided is None else AlreadyDecided(call_id, decided)
        asked = self._asked[number][0].arguments
        if arguments is not None and arguments != asked:
            return OtherArguments(call_id, asked)
        self._decide(number, decision, reason, edited)
        return Decided(call_id, decision)

    def _decide(self, number: int, decision: Decision, reason: str, edited: str | None = None) -> None:
        call, timer = self._asked.pop(number)
        timer.cancel()
        self._decided[call.id] = decision
        self._on_decision(number, decision, reason, edited)
