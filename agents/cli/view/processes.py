"""Running processes as lines of text: the supervision tree, and a table of the busiest. Pure functions."""

from collections.abc import Iterator, Sequence
from typing import Final

from actors import ProcessInfo, SystemInfo
from agents.cli.view.printable import one_line
from supervisors import Node

SHOWN: Final = 20  # children of one process
DEEP: Final = 12  # levels
LABEL_CHARS: Final = 32

HEADER: Final = ("pid", "process", "status", "mailbox", "reductions", "memory", "state")


def tree_text(root: Node) -> str:
    """Return one line per process, children below. Long rows of children and deep chains are cut, with a remark."""
    return "\n".join([_title(root), *_branches(root, "", DEEP)])


def top_text(infos: Sequence[ProcessInfo], system: SystemInfo) -> str:
    """Return a line of totals, then a table."""
    totals = f"{system.processes} processes, {system.ready} ready, {system.dead_letters} dead letters"
    rows = [HEADER, *map(_row, infos)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join([totals, *(_aligned(row, widths) for row in rows)])


def _branches(node: Node, indent: str, left: int) -> Iterator[str]:
    shown = node.children[:SHOWN] if left else ()
    hidden = len(node.children) - len(shown)
    for number, child in enumerate(shown, 1):
        last = number == len(shown) and not hidden
        yield f"{indent}{'└── ' if last else '├── '}{_title(child)}"
        yield from _branches(child, f"{indent}{'    ' if last else '│   '}", left - 1)
    if hidden:
        yield f"{indent}└── … and {hidden} more"


def _title(node: Node) -> str:
    """Return the process's name and pid, and anything unusual: no process, a mailbox with messages, restarts."""
    info = node.process
    called = node.id or (_name(info) if info is not None else "?")
    words = [one_line(called), info.pid if info is not None else f"({node.status})"]
    if info is not None and info.mailbox:
        words.append(f"mailbox {info.mailbox}")
    if node.restarts:
        words.append(f"restarts {node.restarts}")
    return " ".join(words)


def _name(info: ProcessInfo) -> str:
    return info.name or info.label


def _row(info: ProcessInfo) -> tuple[str, ...]:
    called = one_line(_name(info))
    label = called if len(called) <= LABEL_CHARS else f"{called[: LABEL_CHARS - 1]}…"
    memory = f"{info.memory_bytes / 1024:.1f} KiB"
    return info.pid, label, info.status, str(info.mailbox), str(info.reductions), memory, one_line(info.state or "")


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [
        cell.rjust(width) if HEADER[column] in ("mailbox", "reductions", "memory") else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
