"""The settings of a daemon: those of the configuration, with one other default."""

from typing import Final

from agents.configuration import Loaded
from agents.settings import Durability, Settings

DURABILITY: Final = ("sessions", "durability")


def daemon_settings(loaded: Loaded) -> Settings:
    """Return the settings with `batched` durability, unless the configuration sets a durability.

    A daemon keeps its sessions by default: it exists to survive failures.
    """
    settings = loaded.settings
    if DURABILITY in loaded.marks:
        return settings
    sessions = settings.sessions.model_copy(update={"durability": Durability.BATCHED})
    return settings.model_copy(update={"sessions": sessions})


def node_name(settings: Settings) -> str | None:
    """Return the name of this node for the log, or None outside a cluster."""
    return settings.cluster.name if settings.cluster.enabled else None
