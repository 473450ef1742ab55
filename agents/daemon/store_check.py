"""Whether the store of sessions works: before anything is started, and while the daemon runs."""

from pathlib import Path

from actors import CallFailed
from agents.daemon.errors import CannotStart, Taken
from agents.sessions import SessionError, open_journal
from agents.settings import Durability, Settings


async def check_store(settings: Settings) -> None:
    """Raises CannotStart. The store is not held: what takes it later is told by the journal's start."""
    if settings.sessions.durability is Durability.OFF:
        return
    from agents.sessions import Store, StoreInUse, StoreUnavailable, store_url

    try:
        url = store_url(settings.sessions.url, settings.daemon.state_dir)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():  # noqa: ASYNC240 (once)
            return  # it is made at the start
        store = await Store.open(url, create=False)
        try:
            await store.check_free()
        finally:
            await store.close()
    except StoreInUse as used:
        raise Taken(f"{used}: end that, or set sessions.url") from None
    except StoreUnavailable as unavailable:
        raise CannotStart(str(unavailable)) from None


async def store_fault() -> str | None:
    """Why turns would fail now, in words for a client; None: they would not."""
    try:
        journal = await open_journal()
        if journal is not None:
            await journal.check_writable()
    except CallFailed:
        return "the journal of sessions is being restarted"
    except SessionError as failed:
        return failed.for_client
    return None
