"""Whether the store of sessions can be had: looked at before anything is started, so that one line says why not."""

from pathlib import Path

from agents.daemon.errors import CannotStart, Taken
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
