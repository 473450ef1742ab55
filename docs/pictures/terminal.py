"""Makes terminal.svg: the demo's turn as a terminal shows it, with an OS process killed in mid-call.

`make pictures` runs it. The turn is real: its times and its pids are those of this run.
"""

import asyncio
import os
import re
import signal
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI

from agents import StreamToolStart, agent, application, start_agent
from agents.cli.demo import FILES, MODEL, QUESTION, SCRIPT, VICTIM
from agents.cli.demo_tools import search_archive
from agents.cli.view.reports import Reports
from agents.cli.view.screen import Terminal
from agents.cli.view.view import Note
from agents.rehearsal import RehearsalServer, load
from agents.settings import Settings, ToolSettings
from agents.tools.pool_server import open_pool

HERE = Path(__file__).parent
COLUMNS = 104
OWN_FONTS = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Rich's format without the fonts of another site."""


async def main() -> None:
    console = Console(record=True, file=StringIO(), width=COLUMNS, highlight=False)
    with TemporaryDirectory() as folder:
        for name, text in FILES.items():
            (Path(folder) / name).write_text(text)
        async with RehearsalServer(load(SCRIPT)) as server:
            tools = ToolSettings(workers=4, file_ops_root=Path(folder))
            key = SecretStr("rehearsal")
            settings = Settings(base_url=server.base_url, api_key=key, model=MODEL, tools=tools)
            async with application.running(settings):
                await show_turn(console)
    picture = console.export_svg(title="make demo", theme=MONOKAI, code_format=OWN_FONTS, unique_id="demo")
    (HERE / "terminal.svg").write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n")


async def show_turn(console: Console) -> None:
    """Print the demo's turn, with the kill in it."""
    await start_agent(id="stage-manager", tools=["calculator", "file_ops", search_archive])
    console.print(f"> {QUESTION}\n")
    with Reports() as reports, Terminal(console) as screen:

        def report(line: str) -> None:
            screen.show(Note(line, report=True))

        with reports.shown(report):
            async for event in agent.stream("stage-manager", QUESTION):
                screen.show(event)
                if isinstance(event, StreamToolStart) and event.tool_call.name == VICTIM and event.attempt_of_call == 1:
                    await kill_the_victim(screen)


async def kill_the_victim(screen: Terminal) -> None:
    """Kill the OS process of the call that has begun."""
    pool = await open_pool()
    pid = next(pid for pid, tool in pool.running.items() if tool == VICTIM)
    screen.show(Note(f"demo: {VICTIM} runs in OS process {pid}, which gets SIGKILL"))
    os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(main())
