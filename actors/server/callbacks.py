"""Running of callbacks that wait: a crash becomes a value, and an eager server starts them without a task."""

import types
from collections.abc import Coroutine, Generator
from contextlib import suppress
from inspect import isawaitable
from typing import Any, NamedTuple

from actors.kernel.errors import ExitProcess
from actors.kernel.signals import CRASHES, Crash


class CallbackRaised(NamedTuple):
    """The result of a callback that raised. reason: the exit reason of its process."""

    reason: Any


def reason_of(error: BaseException) -> Any:
    """Return the exit reason for an exception."""
    return error.reason if isinstance(error, ExitProcess) else Crash(error)


def waits(value: Any) -> bool:
    """Return inspect.isawaitable(value). For other values it takes a tenth of the time; every start calls it."""
    kind = type(value)
    return hasattr(kind, "__await__") or (kind is types.GeneratorType and isawaitable(value))


async def guarded(value: Any) -> Any:
    """Return the result of the awaitable, or CallbackRaised."""
    try:
        return await value
    except (Exception, SystemExit) as error:  # noqa: BLE001 (the crash boundary of a server's coroutines)
        return CallbackRaised(reason_of(error))


def begun(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine without an asyncio task up to its first wait. Return its value, or an awaitable of the rest."""
    try:
        return _first_step(coroutine)
    except CRASHES as error:
        return CallbackRaised(reason_of(error))


def close(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Close a coroutine whose task was cancelled before its first step, which asyncio leaves open."""
    with suppress(*CRASHES):
        coroutine.close()


def _first_step(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        waited = coroutine.send(None)
    except StopIteration as done:
        return done.value
    return _rest(coroutine, waited)


@types.coroutine
def _rest(coroutine: Coroutine[Any, Any, Any], waited: Any) -> Generator[Any, Any, Any]:
    try:
        while True:
            try:
                sent = yield waited
            except BaseException as error:  # noqa: BLE001 (a cancellation belongs to the coroutine)
                waited = coroutine.throw(error)
            else:
                waited = coroutine.send(sent)
    except StopIteration as done:
        return done.value
