"""This node, as it joins the cluster of its store."""

import os
import socket
from hashlib import sha256
from importlib import metadata
from typing import Final

import msgspec

from agents.sessions import Joining
from agents.settings import Settings

ALIKE: Final = frozenset(
    {
        *("model", "base_url", "headers", "query", "api_version", "aws", "prompt_cache_key", "prices"),
        *("streaming", "tools", "parts", "providers", "mcp", "sub_agents", "supervision", "agents", "sessions"),
        *("schedules", "scheduling"),
    }
)
"""The settings that all nodes of a cluster should have alike."""


def this_node(settings: Settings) -> Joining | None:
    """Return this node, or None if the settings enable no cluster."""
    cluster = settings.cluster
    if not cluster.enabled:
        return None
    name = cluster.name or f"{socket.gethostname()}-{os.getpid()}"
    return Joining(name, cluster.lease_time / 1000, _version(), config_hash(settings))


def config_hash(settings: Settings) -> str:
    """Return a hash of the settings that should be alike. It tells nothing of a secret."""
    alike = settings.model_dump(include=set(ALIKE), exclude={"sessions": {"url"}, "tools": {"file_ops_root"}})
    return sha256(msgspec.json.encode(alike, enc_hook=str, order="sorted")).hexdigest()[:16]


def _version() -> str:
    try:
        return metadata.version("understudy")
    except metadata.PackageNotFoundError:
        return ""
