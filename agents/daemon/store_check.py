"""The check of the session store: before anything starts, and while the daemon runs."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from actors import CallFailed
from agents.daemon.errors import CannotStart, InUse, Outage
from agents.gateway.stored_sessions import JOURNAL_RESTARTS
from agents.sessions import SessionError, StoreInUse, StoreUnavailable, open_journal
from agents.sessions.errors import ConnectionLost, StoreUnreachable
from agents.settings import Durability, Settings

if TYPE_CHECKING:
    from agents.sessions import Store


class NoStore(Exception):
    """The store does not exist: the first start of a daemon creates it. The text has its place."""


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator["Store"]:
    """Open the store within the block. Raises NoStore, StoreUnavailable, and StoreInUse if another process writes it.

    If another program takes the store after the check, the start of the journal reports that.
    """
    from agents.sessions import Store, store_url

    url = store_url(settings.sessions.url, settings.daemon.state_dir)
    if url.get_backend_name() == "sqlite" and not os.path.exists(url.database or ""):  # noqa: ASYNC240 (once)
        raise NoStore(url.database)
    store = await Store.open(url, create=False)
    try:
        await store.check_free(for_node=settings.cluster.enabled)
        yield store
    finally:
        await store.close()


async def check_store(settings: Settings) -> None:
    """Raise CannotStart if the store can't be used, and Outage if its server does not answer."""
    if settings.sessions.durability is Durability.OFF:
        return
    try:
        async with opened_store(settings):
            return
    except NoStore:
        return
    except StoreInUse as used:
        raise InUse(f"{used}: end that process, or set sessions.url") from None
    except (ConnectionLost, StoreUnreachable) as away:
        raise Outage(str(away)) from None
    except StoreUnavailable as unavailable:
        raise CannotStart(str(unavailable)) from None


async def store_fault(settings: Settings) -> str | None:
    """Return why new turns would fail now, as a text for clients, or None if they would not."""
    if settings.sessions.durability is Durability.OFF:
        return None
    try:
        journal = await open_journal()
        if journal is None:
            return JOURNAL_RESTARTS
        await journal.check_writable()
    except CallFailed:
        return JOURNAL_RESTARTS
    except SessionError as failed:
        return failed.for_client
    return None
