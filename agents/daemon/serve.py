"""The daemon as a program: check what can be checked before anything runs, then live, then the exit code."""

import asyncio
from collections.abc import Callable

from actors import new_event_loop
from actors.log import get_logger
from agents.configuration import Loaded, unknown_agents
from agents.configuration.walking import secrets_of
from agents.core.faults import InvalidValue
from agents.daemon.errors import CannotStart
from agents.daemon.life import live
from agents.daemon.outside import Foreground, Outside
from agents.daemon.settings import daemon_settings, node_name
from agents.daemon.state_dir import state_dir
from agents.gateway import GatewayError, check_access, check_certificate, check_listen, token_of
from agents.node.log_setup import set_up_logging
from agents.settings import Settings

log = get_logger("understudy.daemon")


def serve(
    loaded: Loaded,
    reload: Callable[[], Loaded],
    say: Callable[[str], None],
    say_secret: Callable[[str], None] | None = None,
    parent: Outside | None = None,
) -> None:
    """Run the daemon until a signal or /stop ends it.

    reload: reads the configuration again, at each reload. say: gets the line that says where the daemon listens.
    say_secret: gets the address with which a person logs in on the daemon's page; None: nobody reads it. parent: of a
    node; None: this is a daemon of its own.

    Raises CannotStart before anything runs, and ApplicationEnded.
    """
    settings = daemon_settings(loaded)
    try:
        check_listen(settings.gateway)
        check_certificate(settings.gateway)
    except GatewayError as refused:
        raise CannotStart(str(refused)) from None
    folder = state_dir(settings)
    outside = Foreground(folder, say, say_secret) if parent is None else parent
    with outside.holding(settings.gateway):
        file = folder.token_file(settings)
        try:
            token = token_of(file)
        except GatewayError as refused:
            raise CannotStart(str(refused)) from None
        except OSError as error:
            raise CannotStart(f"the token {file} can't be written: {error.strerror or error}") from None
        try:
            check_access(settings.gateway, token)
        except InvalidValue as refused:
            raise CannotStart(str(refused.fault.below("gateway"))) from None
        set_up_logging(settings.logging, {*secrets_of(settings), token}, node=node_name(settings))
        _warn(loaded)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(live(settings, folder, token, lambda: _read(reload), outside))


def _read(reload: Callable[[], Loaded]) -> Settings:
    """Return the settings that the configuration has now, and log its warnings."""
    loaded = reload()
    _warn(loaded)
    return daemon_settings(loaded)


def _warn(loaded: Loaded) -> None:
    for warning in unknown_agents(loaded):
        log.warning("agent_unknown", why=str(warning))
