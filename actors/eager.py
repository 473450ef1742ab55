"""Coroutines that begin without an asyncio task, and get one only if they must wait."""

import types
from collections.abc import Coroutine, Generator
from typing import Any


def begun(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine up to its first wait: its value if it has none, else what to await for the rest."""
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
