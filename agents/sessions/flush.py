"""The write of one flush, repeated until each part is on disk, refused, or failed after the store's grace."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from agents.sessions.errors import Fenced, RecordsRefused, WriteFailed
from agents.sessions.patience import Patience
from agents.sessions.pending import Pending

if TYPE_CHECKING:
    from agents.sessions.store import Store

Outcome: TypeAlias = tuple[Pending, WriteFailed | None]


async def flush(
    pending: Pending, store: "Store", patience: Patience, on_pause: Callable[[WriteFailed], None]
) -> list[Outcome]:
    """Write the records, and return each part with its failure, if any.

    on_pause: called before a retry, unless another node may continue the turns. Raises Fenced.
    """
    loop = asyncio.get_running_loop()
    settled: list[Outcome] = []
    left = [pending]
    while True:
        began_s = loop.time()
        outcomes = await _each_tried(left, store)
        settled += [
            (each, failure) for each, failure in outcomes if failure is None or isinstance(failure, RecordsRefused)
        ]
        failed = [(each, failure) for each, failure in outcomes if failure and not isinstance(failure, RecordsRefused)]
        if not failed:
            patience.succeeded()
            return settled
        failure = failed[0][1]
        patience.failed(failure, began_s)
        if not patience.lasts:
            store.check_alive()
            return [*settled, *failed]
        if not store.may_be_replaced:
            on_pause(failure)
        await patience.pause()
        left = [each for each, _ in failed]


async def _each_tried(parts: Iterable[Pending], store: "Store", *, dependent: bool = False) -> list[Outcome]:
    """Try the parts in order. After a part whose outcome is unknown, the others are not tried and get its failure.

    The store compares a retry only with its last write, so at most one write may have an unknown outcome.
    dependent: after a refused part, too, the others are not tried.
    """
    outcomes: list[Outcome] = []
    failure: WriteFailed | None = None
    for each in parts:
        outcomes += [(each, failure)] if failure is not None else await _tried(each, store)
        last = outcomes[-1][1]
        failure = None if isinstance(last, RecordsRefused) and not dependent else last
    return outcomes


async def _tried(pending: Pending, store: "Store") -> list[Outcome]:
    """Try one write. Refused records are divided until a refusal concerns one stream, or one session without streams.

    The streams of a session whose begin is refused are refused with it.
    """
    try:
        await store.write(pending.batch(), again=pending.tried)
    except Fenced:
        raise
    except RecordsRefused as refused:
        if not pending.is_divisible:
            return [(pending, refused)]
        begins = len(pending.session_ids) == 1 and bool(pending.sessions)
        return await _each_tried(pending.divided(), store, dependent=begins)
    except WriteFailed as failed:
        pending.tried = True
        return [(pending, failed)]
    return [(pending, None)]
