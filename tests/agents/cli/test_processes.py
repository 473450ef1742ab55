"""Running processes as text, and the commands that show them beside a program."""

from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from actors import ProcessInfo, SystemInfo
from agents.cli.view.processes import top_text, tree_text
from agents.cli.view.table import Column, table_lines
from supervisors import Node
from tests.agents.cli.forked import understudy
from tests.agents.cli.terminal import environment, read_until, started

PROGRAM = """
import asyncio, sys
import pytest
from rich.cells import cell_len

from actors import AsyncioSystemBase, GenServer, Mailbox, NoReply, send
from supervisors import ChildSpec, Flags, start_supervisor

class Busy(GenServer):
    def init(self):
        send(self.pid, "again")
        return {}

    def handle_info(self, message, state):
        send(self.pid, message)
        return NoReply(state)

async def main():
    async with AsyncioSystemBase():
        await start_supervisor(Flags(), [ChildSpec("worker", Busy)], name="main supervisor")
        print("runs", *sys.argv[1:], flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


def info(number: int, label: str = "Worker", **fields: Any) -> ProcessInfo:
    values: dict[str, Any] = {
        "pid": f"Pid({number})",
        "label": label,
        "name": None,
        "parent": None,
        "status": "idle",
        "mailbox": 0,
        "reductions": 0,
        "memory_bytes": 2048,
        "state": None,
        "links": (),
        "monitors": (),
        "monitored_by": (),
        "trap_exit": False,
        "age_s": 1.0,
    }
    return ProcessInfo(**{**values, **fields})


def node(number: int, *children: Node, id_: str | None = None, **fields: Any) -> Node:
    return Node(id_, "idle", info(number, **fields), restarts=2 if id_ == "restarted" else 0, children=children)


def test_a_tree_shows_anything_unusual_about_its_processes() -> None:
    gone = Node("gone", "restarting", None, "permanent", 0)
    below = node(2, node(3, id_="restarted"), node(4, id_="late", mailbox=7), gone, name="top")
    assert tree_text(node(1, below, node(5), label="system")).splitlines() == [
        "system Pid(1)",
        "├── top Pid(2)",
        "│   ├── restarted Pid(3) restarts 2",
        "│   ├── late Pid(4) mailbox 7",
        "│   └── gone (restarting)",
        "└── Worker Pid(5)",
    ]


def test_long_rows_and_long_chains_are_cut_and_say_so() -> None:
    row = tree_text(node(1, *(node(n) for n in range(2, 102)))).splitlines()
    assert (len(row), row[-1]) == (22, "└── … and 80 more")
    chain = node(0)
    for number in range(1, 2000):
        chain = node(number, chain)
    assert tree_text(chain).splitlines()[-1].strip() == "└── … and 1 more"


def test_the_table_is_aligned_and_cut_to_a_line_each() -> None:
    infos = [info(1, "A" * 100, reductions=1_000_000, state="dict[3]"), info(22, "two\nlines", mailbox=3)]
    lines = top_text(infos, SystemInfo(2, 1, 0, 5)).splitlines()
    assert lines[0] == "2 processes, 1 ready, 5 dead letters"
    assert lines[1].split() == ["pid", "process", "status", "mailbox", "reductions", "memory", "state"]
    assert lines[2].split() == ["Pid(1)", "A" * 31 + "…", "idle", "0", "1000000", "2.0", "KiB", "dict[3]"]
    assert lines[3].split()[:3] == ["Pid(22)", "two", "lines"]
    assert len(lines) == 4


@pytest.mark.parametrize("width", [200, 100, 80, 60, 40, 30])
def test_a_table_in_a_narrow_terminal_keeps_names_and_figures(width: int) -> None:
    infos = [info(1, "A" * 100, reductions=1_000_000, state="dict[3]"), info(22, "two", mailbox=3)]
    header, *rows = top_text(infos, SystemInfo(2, 1, 0, 5), width).splitlines()[1:]
    assert max(map(len, (header, *rows))) <= width
    assert header.split()[:2] == ["pid", "process"]
    assert "mailbox" in header
    assert ("memory" in header) == (width >= 40)
    assert rows[0].split()[1].startswith("A" * 6)
    assert [row.split()[0] for row in rows] == ["Pid(1)", "Pid(22)"]


@pytest.mark.parametrize("width", [20, 33, 40, 41, 80, None])
def test_characters_of_two_columns_widen_no_row(width: int | None) -> None:
    columns = (Column("ID", least=4), Column("NAME", least=4, rank=1), Column("N", right=True))
    lines = table_lines(columns, [("a" * 9, "日本語の名前" * 5, "1"), ("b", "😀", "22")], width)
    assert width is None or max(map(cell_len, lines)) <= width
    assert len({cell_len(line) for line in lines}) == 1
    assert [line.split()[0][:4] for line in lines] == ["ID", "aaaa", "b"]


def test_a_table_without_processes_has_its_header() -> None:
    assert top_text([], SystemInfo(0, 0, 0, 0), 80).splitlines()[1].split()[:2] == ["pid", "process"]


async def test_a_program_is_run_and_its_tree_shown_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    async with started("tree", "--every", "0.05", str(path), "--its", "own", env=environment()) as process:
        await read_until(process.stderr, "└── main supervisor Pid(2)\n    └── worker Pid(3)")
        out, _ = await process.communicate(b"")
    assert (process.returncode, out) == (0, b"runs --its own\n")


async def test_the_busiest_process_of_a_program_is_shown_first(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    async with started("top", "--every", "0.05", str(path), env=environment()) as process:
        seen = await read_until(process.stderr, "Pid(2)")  # the second row of a picture with all three rows
        _, rest = await process.communicate(b"")
    assert process.returncode == 0
    picture = next(each for each in (seen + rest.decode()).split("\n\n") if each.startswith("3 processes"))
    assert picture.splitlines()[2].split()[:2] == ["Pid(3)", "Busy"]


async def test_the_end_of_the_program_is_the_end_of_the_command(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text("raise SystemExit(7)")
    assert (await understudy("top", str(path), env=environment())).code == 7


async def test_a_program_that_is_not_there_is_one_line() -> None:
    code, _, err = await understudy("tree", "nowhere.py", env=environment())
    assert (code, len(err.splitlines())) == (2, 1)
