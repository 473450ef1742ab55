"""Applications that keep their sessions: one after the other, on one store."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from actors import AsyncioSystemBase
from agents.sessions import JournalHandle, open_journal

App = Callable[..., AbstractAsyncContextManager[AsyncioSystemBase]]
"""Starts the application; arguments are `agents`, and those of the session settings."""


async def journal() -> JournalHandle:
    handle = await open_journal()
    assert handle is not None
    return handle


def ignored(_: object) -> None:
    """Ignore a callback's value."""
