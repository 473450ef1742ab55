"""The parent of `serve --nodes` as a program: check what concerns all nodes, run them, then the exit code."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from functools import partial

from agents.configuration import InvalidConfiguration, Loaded
from agents.configuration.walking import secrets_of
from agents.daemon.crew.crew import Crew, CrewEnded
from agents.daemon.crew.node_count import node_count
from agents.daemon.crew.node_process import NodeProcess, Reporter
from agents.daemon.listen_address import reserved_port
from agents.daemon.lock import locked
from agents.daemon.outside import Foreground
from agents.daemon.settings import daemon_settings
from agents.daemon.state_dir import state_dir
from agents.node.log_setup import set_up_logging
from agents.node.os_process import hide_from_own_user
from agents.settings import RestartLimits, Settings


def serve_nodes(
    nodes: str, command: Sequence[str], loaded: Loaded, reload: Callable[[], Loaded], say: Callable[[str], None]
) -> CrewEnded:
    """Run the nodes until a signal or /stop ends them. Return the exit code, and the reasons if they failed.

    nodes: as in `--nodes`. command: starts a daemon; a node gets further options. reload: reads the configuration
    again, at each reload. say: gets the line that says where the daemon listens. Raises CannotStart before any node
    runs.
    """
    settings = daemon_settings(loaded)
    names = _names(node_count(nodes, settings), settings)
    folder = state_dir(settings)
    with locked(folder.lock), reserved_port(settings.gateway) as port:
        hide_from_own_user()
        _set_up_logging(settings)
        start = partial(_started, command, port, settings.cluster.lease_time / 1000)
        crew = Crew(names, start, settings.supervision.nodes, partial(_reread, reload))
        return asyncio.run(crew.run(Foreground(folder, say)))


def _names(count: int, settings: Settings) -> tuple[str, ...]:
    base = settings.cluster.name or socket.gethostname()
    return tuple(f"{base}.{number}" for number in range(1, count + 1))


def _started(command: Sequence[str], port: int, lease_s: float, name: str, on_packet: Reporter) -> NodeProcess:
    """Start a node. Its later options override earlier ones, and show in the list of processes which node it is."""
    own = ("--port", str(port), "--set", "cluster.enabled=true", "--set", f"cluster.name={name}", "--parent")
    return NodeProcess(name, lambda descriptor: (*command, *own, str(descriptor)), lease_s, on_packet)


def _reread(reload: Callable[[], Loaded]) -> RestartLimits | None:
    """Apply the parent's part of a changed configuration. Return None if it has faults, which the nodes report."""
    try:
        settings = daemon_settings(reload())
    except InvalidConfiguration:
        return None
    _set_up_logging(settings)
    return settings.supervision.nodes


def _set_up_logging(settings: Settings) -> None:
    set_up_logging(settings.logging, secrets_of(settings))
