"""The decision of several hooks on one value: all rewrites first, then the strictest answer on exactly that value."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct

from actors.log import get_logger
from agents.hooks.answers import Answer, Ask, Deny, Rewrite, Run, UnfitAnswer
from agents.hooks.hook import Hook
from agents.hooks.points import BeforeTool, Point
from agents.tools.errors import PoolUnavailable, ToolFailed, ToolRaised, no_result
from agents.tools.pool_server import open_pool
from agents.tools.run import run_call

ROUNDS: Final = 4
"""The most rounds of questions to the hooks. Hooks that rewrite each other's values need more."""

log = get_logger("understudy.hooks")


class JointAnswer(Struct, frozen=True):
    """The value after all rewrites, and the strictest of the answers on it: Run, Ask or Deny."""

    value: Any
    answer: Run | Ask | Deny


PointOf: TypeAlias = Callable[[Any], Point]
"""A function that returns the value that a hook gets, with what is known of the call."""
Accept: TypeAlias = Callable[[Any], Any]
"""A function that returns the value for what a hook has written. Raises ValueError if it can't be used."""


async def decided(hooks: Sequence[Hook], value: Any, point_of: PointOf, accept: Accept) -> JointAnswer:
    """Ask the hooks until each has answered about the final value."""
    answers: list[Run | Ask | Deny] = [Run()] * len(hooks)
    seen: dict[int, Any] = {}
    for _ in range(ROUNDS):
        asked = False
        for place, hook in enumerate(hooks):
            if place in seen and seen[place] == value:
                continue
            asked = True
            answer, value = await _answer(hook, value, point_of, accept)
            answers[place], seen[place] = answer, value
        if not asked:
            return JointAnswer(value, strictest(answers))
    names = ", ".join(hook.name for hook in hooks)
    log.warning("hooks_disagreed", hooks=names)
    return JointAnswer(value, Deny(f"the hooks {names} rewrite each other's values"))


def strictest(answers: Sequence[Run | Ask | Deny]) -> Run | Ask | Deny:
    """Return the first Deny, else the first Ask, else Run."""
    for kind in (Deny, Ask):
        if (found := next((each for each in answers if isinstance(each, kind)), None)) is not None:
            return found
    return Run()


async def _answer(hook: Hook, value: Any, point_of: PointOf, accept: Accept) -> tuple[Run | Ask | Deny, Any]:
    """Return the hook's answer, and the value that it is about. If the hook fails, its `on_failure` decides."""
    try:
        point = point_of(value)
        match answer := await asked(hook, point):
            case Rewrite(rewritten):
                return Run(), accept(rewritten)
            case _:
                return _allowed(answer, point), value
    except (ToolFailed, PoolUnavailable, TimeoutError, ValueError) as failed:
        reason = failed.type_name if isinstance(failed, ToolRaised) else str(failed)  # its text may be a secret
        log.warning("hook_failed", hook=hook.name, reason=reason, decision=hook.on_failure)
        return (Run() if hook.on_failure == "run" else Deny(f"the hook {hook.name} failed")), value


def _allowed(answer: Run | Ask | Deny, point: Point) -> Run | Ask | Deny:
    if isinstance(answer, Ask) and not isinstance(point, BeforeTool):
        raise UnfitAnswer(f"expected run, rewrite or deny from a hook of {type(point).__name__}, got ask")
    return answer


async def asked(hook: Hook, point: Point) -> Answer:
    """Return the answer of one hook.

    Raises ToolFailed, PoolUnavailable, TimeoutError, and msgspec's ValidationError, a ValueError, for another value.
    """
    arguments = msgspec.json.encode({hook.parameter: point}).decode()
    try:
        async with asyncio.timeout(hook.deadline_s):  # also of the wait for a worker
            pool = await open_pool() if hook.isolation == "process" else None
            data = await run_call(hook, arguments, pool)
    except TimeoutError:
        raise no_result(hook.deadline_s) from None
    answer: Answer = msgspec.convert(data, Answer)
    return answer
