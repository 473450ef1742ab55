"""Running processes as lines of text: the supervision tree, a table of the busiest, and turns. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from actors import ProcessInfo, SystemInfo
from agents.cli.view.printable import one_line
from agents.cli.view.table import Column, cropped, cut, table_lines
from supervisors import Node

SHOWN: Final = 20  # children of one process
DEEP: Final = 12  # levels
LABEL_CHARS: Final = 32

COLUMNS: Final = (
    Column("pid"),
    Column("process", least=10),
    Column("status", rank=2),
    Column("mailbox", right=True),
    Column("reductions", right=True, rank=3),
    Column("memory", right=True, rank=4),
    Column("state", rank=1),
)

TURNS: Final = (
    Column("stream", least=8),
    Column("agent", least=6),
    Column("state", rank=2),
    Column("age", right=True, rank=3),
    Column("tokens", right=True, rank=4),
    Column("tokens/s", right=True),
    Column("waits", right=True, rank=1),
)

NO_STREAMS: Final[Mapping[str, str]] = {}
TURN: Final = "turn:"
"""The beginning of the name of a turn's process. The agent's id follows."""


class StyledLine(Struct, frozen=True):
    """A line, and its style on a terminal that has styles."""

    text: str
    style: str = ""


class TurnRate(Struct, frozen=True):
    """A turn that runs, with the tokens per second since the picture before."""

    stream_id: str
    agent_id: str
    state: str
    age_s: float
    tokens: int
    tokens_per_s: float
    waiting: int


def tree_text(root: Node, streams: Mapping[str, str] = NO_STREAMS) -> str:
    """Return one line per process, children below. Long rows of children and deep chains are cut, with a remark.

    streams: the running stream of each agent.
    """
    return "\n".join([_title(root, streams), *_branches(root, "", DEEP, streams)])


def top_text(infos: Sequence[ProcessInfo], system: SystemInfo, width: int | None = None) -> str:
    """Return a line of totals, then a table. width: that of the terminal, which may be too narrow for all columns."""
    return "\n".join(line.text for line in top_lines(infos, system, (), width))


def top_lines(
    infos: Sequence[ProcessInfo], system: SystemInfo, turns: Sequence[TurnRate], width: int | None
) -> Iterator[StyledLine]:
    """Yield a line of totals, a table of the processes and one of the turns that run."""
    totals = f"{system.processes} processes, {system.ready} ready, {system.dead_letters} dead letters"
    if turns:
        totals += f", {len(turns)} turns, {sum(turn.tokens_per_s for turn in turns):.1f} tokens/s"
    yield StyledLine(cropped(totals, width), "bold")
    header, *rows = table_lines(COLUMNS, map(_row, infos), width)
    yield StyledLine(header, "reverse")
    for info, row in zip(infos, rows, strict=True):
        yield StyledLine(row, _style(info))
    if turns:
        header, *rows = table_lines(TURNS, map(_turn, turns), width)
        yield StyledLine("")
        yield StyledLine(header, "reverse")
        for turn, row in zip(turns, rows, strict=True):
            yield StyledLine(row, "yellow" if turn.waiting else "")


def fits(info: ProcessInfo, needle: str) -> bool:
    """Return whether a process's name, code or pid contains the text, in any case."""
    return any(needle.lower() in (text or "").lower() for text in (info.name, info.label, info.pid))


def _style(info: ProcessInfo) -> str:
    """Return yellow for a process with waiting messages, green for one that runs."""
    if info.mailbox:
        return "yellow"
    return "green" if info.status == "running" else ""


def _branches(node: Node, indent: str, left: int, streams: Mapping[str, str]) -> Iterator[str]:
    shown = node.children[:SHOWN] if left else ()
    hidden = len(node.children) - len(shown) + node.hidden
    for number, child in enumerate(shown, 1):
        last = number == len(shown) and not hidden
        yield f"{indent}{'└── ' if last else '├── '}{_title(child, streams)}"
        yield from _branches(child, f"{indent}{'    ' if last else '│   '}", left - 1, streams)
    if hidden:
        yield f"{indent}└── … and {hidden} more"


def _title(node: Node, streams: Mapping[str, str]) -> str:
    """Return the process's name and pid, its stream, and anything unusual: no process, waiting messages, restarts."""
    info = node.process
    words = [one_line(_called(node)), info.pid if info is not None else f"({node.status})"]
    if info is not None and (stream := streams.get(_turn_of(info))) is not None:
        words.append(f"stream {one_line(stream)}")
    if info is not None and info.mailbox:
        words.append(f"mailbox {info.mailbox}")
    if node.restarts:
        words.append(f"restarts {node.restarts}")
    return " ".join(words)


def _called(node: Node) -> str:
    """Return the id of the child, or the name of its process if that has more: agent:ID, turn:ID, provider:ADDRESS."""
    info = node.process
    if info is not None and (node.id is None or ":" in (info.name or "")):
        return _name(info)
    return node.id or "?"


def _turn_of(info: ProcessInfo) -> str:
    """Return the id of the agent whose turn the process runs; an empty text for any other process."""
    name = info.name or ""
    return name.removeprefix(TURN) if name.startswith(TURN) else ""


def _name(info: ProcessInfo) -> str:
    return info.name or info.label


def _row(info: ProcessInfo) -> tuple[str, ...]:
    label = cut(one_line(_name(info)), LABEL_CHARS)
    memory = f"{info.memory_bytes / 1024:.1f} KiB"
    return info.pid, label, info.status, str(info.mailbox), str(info.reductions), memory, one_line(info.state or "")


def _turn(turn: TurnRate) -> tuple[str, ...]:
    figures = f"{turn.age_s:.0f} s", str(turn.tokens), f"{turn.tokens_per_s:.1f}", str(turn.waiting)
    return one_line(turn.stream_id), one_line(turn.agent_id), turn.state, *figures
