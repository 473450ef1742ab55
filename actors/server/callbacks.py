"""Callbacks that wait: run so that a crash is a value, and at once for an eager server."""

import types
from collections.abc import Coroutine, Generator
from contextlib import suppress
from inspect import isawaitable
from typing import Any, NamedTuple

from actors.kernel.errors import ExitProcess
from actors.kernel.signals import CRASHES, Crash


class Failed(NamedTuple):
    """What a callback came to that raised: the reason of its process's end."""

    reason: Any


def reason_of(error: BaseException) -> Any:
    """The exit reason that an exception stands for."""
    return error.reason if isinstance(error, ExitProcess) else Crash(error)


def waits(value: Any) -> bool:
    """inspect.isawaitable, in a tenth of the time for a value that is not: asked of every start and every coroutine."""
    kind = type(value)
    return hasattr(kind, "__await__") or (kind is types.GeneratorType and isawaitable(value))


async def guarded(value: Any) -> Any:
    """What the awaitable gives, or Failed."""
    try:
        return await value
    except (Exception, SystemExit) as error:  # noqa: BLE001 (the crash boundary of a server's coroutines)
        return Failed(reason_of(error))


def begun(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine without an asyncio task up to its first wait: its value, or what to await for the rest."""
    try:
        return _first_step(coroutine)
    except CRASHES as error:
        return Failed(reason_of(error))


def close(coroutine: Coroutine[Any, Any, Any]) -> None:
    """A task that was cancelled before its first step has not cancelled what it would have awaited."""
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
