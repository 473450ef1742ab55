"""Writes what a flush took, until each part of it is on disk, refused, or not written within the store's grace."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from agents.sessions.errors import Fenced, Refused, StoreFailed
from agents.sessions.patience import Patience
from agents.sessions.taken import Taken

if TYPE_CHECKING:
    from agents.sessions.store import Store

Outcome: TypeAlias = tuple[Taken, StoreFailed | None]


async def flush(
    taken: Taken, store: "Store", patience: Patience, on_pause: Callable[[StoreFailed], None]
) -> list[Outcome]:
    """What of it is on disk, and what is not. on_pause: called before it is tried again. Raises Fenced."""
    loop = asyncio.get_running_loop()
    settled: list[Outcome] = []
    left = [taken]
    while True:
        began_s = loop.time()
        outcomes = [outcome for each in left for outcome in await _tried(each, store)]
        settled += [(each, failure) for each, failure in outcomes if failure is None or isinstance(failure, Refused)]
        failed = [(each, failure) for each, failure in outcomes if failure and not isinstance(failure, Refused)]
        if not failed:
            patience.succeeded()
            return settled
        failure = failed[0][1]
        patience.failed(failure, began_s)
        if not patience.lasts:
            return [*settled, *failed]
        on_pause(failure)
        await patience.pause()
        left = [each for each, _ in failed]


async def _tried(taken: Taken, store: "Store") -> list[Outcome]:
    """Once. What is refused is halved until the refusal concerns one session."""
    try:
        await store.write(taken.batch(), again=taken.tried)
    except Fenced:
        raise
    except Refused as refused:
        if len(taken.session_ids) == 1:
            return [(taken, refused)]
        return [outcome for half in taken.halves() for outcome in await _tried(half, store)]
    except StoreFailed as failed:
        taken.tried = True
        return [(taken, failed)]
    return [(taken, None)]
