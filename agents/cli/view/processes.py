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
OPTIONAL: Final = ("state", "status", "reductions", "memory")
"""The columns that a narrow terminal lacks, the first one first."""
NAME_CHARS: Final = 10  # of a process, in a narrow terminal


def tree_text(root: Node) -> str:
    """Return one line per process, children below. Long rows of children and deep chains are cut, with a remark."""
    return "\n".join([_title(root), *_branches(root, "", DEEP)])


def top_text(infos: Sequence[ProcessInfo], system: SystemInfo, width: int | None = None) -> str:
    """Return a line of totals, then a table. width: that of the terminal, which may be too narrow for all columns."""
    totals = f"{system.processes} processes, {system.ready} ready, {system.dead_letters} dead letters"
    columns = dict(zip(HEADER, zip(*map(_row, infos), strict=True) if infos else [()] * len(HEADER), strict=True))
    widths = {name: max(map(len, (name, *cells))) for name, cells in columns.items()}
    if width is not None:
        _narrow(widths, width)
    rows = [HEADER, *zip(*columns.values(), strict=True)]
    return "\n".join([totals, *(_aligned(dict(zip(HEADER, row, strict=True)), widths) for row in rows)])


def _narrow(widths: dict[str, int], width: int) -> None:
    """Leave out columns, and shorten the process's name, until the table fits into the width."""
    least = min(widths["process"], NAME_CHARS)
    for name in OPTIONAL:
        if sum(widths.values()) - widths["process"] + least + 2 * (len(widths) - 1) > width:
            del widths[name]
    left = width - sum(widths.values()) + widths["process"] - 2 * (len(widths) - 1)
    widths["process"] = max(least, min(widths["process"], left))


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
    label = _cut(one_line(_name(info)), LABEL_CHARS)
    memory = f"{info.memory_bytes / 1024:.1f} KiB"
    return info.pid, label, info.status, str(info.mailbox), str(info.reductions), memory, one_line(info.state or "")


def _aligned(row: dict[str, str], widths: dict[str, int]) -> str:
    row = row | {"process": _cut(row["process"], widths["process"])}
    cells = [
        row[name].rjust(width) if name in ("mailbox", "reductions", "memory") else row[name].ljust(width)
        for name, width in widths.items()
    ]
    return "  ".join(cells).rstrip()


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else f"{text[: chars - 1]}…"
