"""`understudy top` of a daemon: its busiest processes and its turns, one picture or one that changes."""

import sys
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from rich.live import Live
from rich.text import Text

from actors import ProcessInfo, SystemInfo
from agents.cli.listing import say_json
from agents.cli.printing import say
from agents.cli.remote.connection import ask
from agents.cli.view.keys import pressed_keys
from agents.cli.view.printable import one_line
from agents.cli.view.processes import StyledLine, TurnRate, fits, top_lines
from agents.client import Client

ROWS: Final = 20
SEARCHED: Final = 1000  # processes that a filter looks at

MEASURES: Final = {"r": "reductions", "m": "memory", "b": "mailbox"}
"""The keys that sort."""
KEYS: Final = "q quits; sort by r reductions, m memory, b mailbox; / filters"


class TopView(Struct, frozen=True):
    """The chosen view. needle: the filter. typing: whether keys change the filter. left: whether the user has left."""

    by: str
    needle: str = ""
    typing: bool = False
    left: bool = False

    def pressed(self, key: str) -> "TopView":
        """Return the view after a key. Enter ends the typing of a filter, and Escape removes it."""
        if self.typing:
            return self._typed(key)
        if key == "/":
            return replace(self, typing=True, needle="")
        if key == "\x1b":
            return replace(self, needle="")
        return replace(self, by=MEASURES.get(key, self.by), left=key == "q")

    def _typed(self, key: str) -> "TopView":
        match key:
            case "\r" | "\n":
                return replace(self, typing=False)
            case "\x1b":
                return replace(self, typing=False, needle="")
            case "\x7f" | "\b":
                return replace(self, needle=self.needle[:-1])
        return replace(self, needle=self.needle + key) if key.isprintable() else self

    def footer(self) -> str:
        if self.typing:
            return f"filter: {one_line(self.needle)}_"
        return f"{KEYS}; by {self.by}" + (f"; only {one_line(self.needle)!r}" if self.needle else "")


class Rates:
    """The tokens per second of each turn: since the picture before, at first since the turn's beginning."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[float, int]] = {}

    def figures(self, overview: Any) -> list[TurnRate]:
        now_s, before = overview["at"], self._before
        self._before = {turn["stream_id"]: (now_s, turn["tokens"]) for turn in overview["turns"]}
        return [self._figures(turn, now_s, before) for turn in overview["turns"]]

    def _figures(self, turn: Any, now_s: float, before: dict[str, tuple[float, int]]) -> TurnRate:
        since_s, tokens = before.get(turn["stream_id"], (turn["began_at"], 0))
        rate = max(0, turn["tokens"] - tokens) / max(now_s - since_s, 0.001)
        age_s = max(0.0, now_s - turn["began_at"])
        own = turn["stream_id"], turn["agent_id"], turn["state"]
        return TurnRate(*own, age_s, turn["tokens"], rate, turn["waiting"])


def show_top(options: dict[str, Any], view: TopView, every_s: float, node: str | None, *, as_json: bool) -> None:
    """Show the busiest processes of the daemon, or of a node: on a terminal a picture that changes, else one."""

    async def show(client: Client) -> None:
        if as_json:
            say_json((await _report(client, view, node))["processes"])
        elif not (console := Console(file=sys.stdout, highlight=False)).is_terminal:
            for line in await _picture(client, view, Rates(), None, node):
                say(line.text)
        else:
            await _watch(client, view, every_s, node, console)

    ask(options, show)


async def _watch(client: Client, view: TopView, every_s: float, node: str | None, console: Console) -> None:
    rates = Rates()
    with (
        pressed_keys() as keys,
        Live(console=console, auto_refresh=False, screen=False, vertical_overflow="ellipsis") as live,
    ):
        while not view.left:
            lines = [*await _picture(client, view, rates, console.width, node), StyledLine(view.footer(), "dim")]
            live.update(Text("\n").join(Text(line.text, line.style) for line in lines), refresh=True)
            if (key := await keys.next(every_s)) is not None:
                view = view.pressed(key)


async def _picture(
    client: Client, view: TopView, rates: Rates, width: int | None, node: str | None
) -> Iterator[StyledLine]:
    report = await _report(client, view, node)
    overview = await client.get("/overview", count=1, children=1, **_of(node))
    processes = msgspec.convert(report["processes"], list[ProcessInfo])
    return top_lines(processes, msgspec.convert(report["system"], SystemInfo), rates.figures(overview), width)


async def _report(client: Client, view: TopView, node: str | None) -> Any:
    report = await client.get("/processes", by=view.by, count=SEARCHED if view.needle else ROWS, **_of(node))
    if view.needle:
        infos = zip(report["processes"], msgspec.convert(report["processes"], list[ProcessInfo]), strict=True)
        report["processes"] = [shown for shown, info in infos if fits(info, view.needle)][:ROWS]
    return report


def _of(node: str | None) -> dict[str, str]:
    return {} if node is None else {"node": node}
