"""The made pages by their paths. Each is made from the one place that has its facts."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from docs.site import commands, errors, events, metrics, python_api, rest

ROOT = Path(__file__).parents[2]

DECISIONS = """\
# Decisions

Each page has one decision: what was decided, why, what else was tried, and what was measured.
"""

SYS_CONFIG = """\
# sys.config

`understudy config init` writes this file: every key, with its default, its unit and its reason.
[Configuration](../configuration.md) describes the sources of a value, and when a change takes effect.

```erlang
{}```
"""


def sys_config() -> str:
    """Return the page with every key of the configuration."""
    return SYS_CONFIG.format((ROOT / "config" / "sys.config").read_text(encoding="utf-8"))


def decisions() -> str:
    """Return the list of the decisions by their headings."""
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    headings = [page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for page in pages]
    links = [f"- [{heading}](adr/{page.name})\n" for heading, page in zip(headings, pages, strict=True)]
    return f"{DECISIONS}\n{''.join(links)}"


def changes() -> str:
    """Return the changelog as a page."""
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


GENERATED: Final[Mapping[str, Callable[[], str]]] = {
    "reference/python.md": python_api.listing,
    **python_api.module_pages(),
    "reference/events.md": events.page,
    "reference/errors.md": errors.page,
    "reference/commands.md": commands.page,
    "reference/rest.md": rest.page,
    "reference/rest-shapes.md": rest.shapes,
    "reference/metrics.md": metrics.page,
    "reference/sys-config.md": sys_config,
    "decisions.md": decisions,
    "changes.md": changes,
}
