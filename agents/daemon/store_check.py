"""The check of the session store: before anything starts, and while the daemon runs."""

from pathlib import Path

from actors import CallFailed
from agents.daemon.errors import CannotStart, InUse
from agents.gateway.stored_sessions import JOURNAL_RESTARTS
from agents.sessions import SessionError, open_journal
from agents.settings import Durability, Settings


async def check_store(settings: Settings) -> None:
    """Raise CannotStart if the store can't be used.

    The store is closed again. If another program takes it before the journal starts, the journal's start reports that.
    """
    if settings.sessions.durability is Durability.OFF:
        return
    from agents.sessions import Store, StoreInUse, StoreUnavailable, store_url

    try:
        url = store_url(settings.sessions.url, settings.daemon.state_dir)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():  # noqa: ASYNC240 (once)
            return  # the journal creates it
        store = await Store.open(url, create=False)
        try:
            await store.check_free()
        finally:
            await store.close()
    except StoreInUse as used:
        raise InUse(f"{used}: end that process, or set sessions.url") from None
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
