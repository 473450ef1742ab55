"""This program, as MCP clients and servers see it."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final

from agents.extras import extra

with extra("mcp", "an MCP server"):
    from mcp_types import Implementation


def _version() -> str:
    try:
        return version("understudy")
    except PackageNotFoundError:  # not installed: the sources are on the path
        return "0"


US: Final = Implementation(name="understudy", version=_version())
