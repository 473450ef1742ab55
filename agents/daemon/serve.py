"""The daemon as a program: what must be in order before anything runs, then its life, then its exit code."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

from actors import new_event_loop
from agents.configuration import Loaded
from agents.configuration.walking import secrets_of
from agents.daemon.errors import CannotStart
from agents.daemon.life import live
from agents.daemon.lock import locked
from agents.daemon.place import check_place
from agents.daemon.state_dir import state_dir
from agents.gateway import GatewayError, check_access, check_certificate, check_listen, token_of
from agents.node.log_setup import set_up_logging
from agents.settings import Durability, Settings

DURABILITY = ("sessions", "durability")


def serve(loaded: Callable[[], Loaded], say: Callable[[str], None]) -> None:
    """Return when the daemon has ended as it was asked to. loaded: reads the configuration, now and for a reload.

    Raises InvalidConfiguration and CannotStart; then nothing was started, and nothing of it is left.
    """
    settings = daemon_settings(loaded())
    try:
        check_listen(settings.gateway)
        check_certificate(settings.gateway)
    except GatewayError as refused:
        raise CannotStart(str(refused)) from None
    folder = state_dir(settings)
    with ExitStack() as stack:
        stack.enter_context(locked(folder.lock))
        check_place(settings.gateway)
        try:
            token = token_of(folder.token_file(settings))
        except (GatewayError, OSError) as refused:
            raise CannotStart(str(refused)) from None
        try:
            check_access(settings.gateway, token)
        except ValueError as refused:
            raise CannotStart(f"gateway: {refused}") from None
        set_up_logging(settings.logging, {*secrets_of(settings), token})
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(live(settings, folder, token, lambda: daemon_settings(loaded()), say))


def daemon_settings(loaded: Loaded) -> Settings:
    """A daemon keeps its sessions, unless it is told otherwise: it is there to outlive what goes wrong.

    Its state directory is where all that it keeps is, also if it is the default one.
    """
    settings = loaded.settings
    if DURABILITY in loaded.marks:
        return settings
    sessions = settings.sessions.model_copy(update={"durability": Durability.BATCHED})
    return settings.model_copy(update={"sessions": sessions})
