"""Makes turn.svg and timeline.svg: a turn with two tools, from its message to stream_complete.

The events are those of a simulated run, in virtual time, so each run makes the same files.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from actors import Mailbox
from agents import (
    Event,
    StreamComplete,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamReasoning,
    StreamStart,
    StreamToken,
    StreamToolResult,
    StreamToolStart,
    agent,
    start_agent,
    tool,
)
from agents.rehearsal import parse
from agents.settings import Settings
from agents.testing import simulated_stage
from agents.timeline import picture_of, svg, timeline_of

HERE = Path(__file__).parent
SCRIPT = parse("""
[models.clerk]
first_token_delay_s = 0.4
token_delay_s = 0.05
[[models.clerk.turns]]
[[models.clerk.turns.steps]]
text = "One moment."
tool_calls = [
    { name = "seats_left", arguments = { play = "Hamlet" } },
    { name = "price", arguments = { play = "Hamlet" } },
]
[[models.clerk.turns.steps]]
text = "Hamlet has {result:0} seats at {result:1}."
""")

CALLER, AGENT, HANDLER, MODEL, WORKERS = range(5)
LINES = ("subscriber", "agent", "stream handler", "model", "workers")
LINE_PX, LEFT_PX, ROW_PX, TOP_PX = 190, 90, 26, 60

STYLE = """
svg{--ground:#fff;--ink:#1c2430;--soft:#5b6675;--line:#c9d1db;--event:#2c7a44;
font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
@media(prefers-color-scheme:dark){svg{--ground:#14181f;--ink:#e6eaf0;--soft:#9aa6b5;--line:#475261;--event:#6cc487}}
.ground{fill:var(--ground)}.life{stroke:var(--line)}.name{fill:var(--ink);font-weight:bold}.text{fill:var(--soft)}
.arrow{stroke:var(--soft)}.event{stroke:var(--event)}text.event{fill:var(--event);stroke:none}
"""


HEAD = """\
<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path d="M0 0 8 4 0 8z" fill="context-stroke"/></marker></defs>"""


@dataclass(frozen=True)
class Arrow:
    """A message from one line to another. event: it is an event of the stream."""

    start: int
    end: int
    text: str
    event: bool = False


@tool
async def seats_left(play: str) -> int:
    """Count the seats that are left for a play."""
    await asyncio.sleep(0.3)
    return 12


@tool
async def price(play: str) -> str:
    """Tell the price of a seat."""
    await asyncio.sleep(0.2)
    return "25.00"


def events() -> list[Event]:
    """Return the events of the turn."""
    with simulated_stage(SCRIPT, Settings()) as stage:

        async def turn() -> list[Event]:
            pid = await start_agent(model="clerk", tools=[seats_left, price])
            async with Mailbox() as box:
                agent.stream_chat(pid, "Is there room?", box.pid, stream_id="a-turn")
                found = [await box.receive()]
                while not isinstance(found[-1], StreamComplete):
                    found.append(await box.receive())
            return found

        return stage.run(turn())


def arrows(turn: list[Event]) -> Iterator[Arrow]:
    """Yield the messages of a turn in order. Neighbouring pieces of a text are one message."""
    yield Arrow(CALLER, AGENT, "message")
    yield Arrow(AGENT, HANDLER, "starts it, for the turn")
    last_result = [event for event in turn if isinstance(event, StreamToolResult)][-1]
    before: type[Event] | None = None
    for event in turn:
        if type(event) is not before:
            yield from _causes(event)
            yield Arrow(HANDLER, CALLER, _name(event), event=True)
        before = type(event) if isinstance(event, StreamToken | StreamReasoning) else None
        if isinstance(event, StreamStart):
            yield Arrow(HANDLER, MODEL, "conversation")
        elif event is last_result:
            yield Arrow(HANDLER, MODEL, "conversation with results")


def _causes(event: Event) -> Iterator[Arrow]:
    """Yield the message that causes an event."""
    match event:
        case StreamToken() | StreamReasoning():
            yield Arrow(MODEL, HANDLER, "pieces of text")
        case StreamFunctionCallStarted() | StreamFunctionCallComplete():
            yield Arrow(MODEL, HANDLER, f"call of {event.function_call.name}")
        case StreamToolStart(call):
            yield Arrow(HANDLER, WORKERS, f"run {call.name}")
        case StreamToolResult(call, result):
            yield Arrow(WORKERS, HANDLER, f"{call.name}: {result.content}")
        case _:
            return


def _name(event: Event) -> str:
    text = str(type(event).__struct_config__.tag)
    return f"{text} ..." if isinstance(event, StreamToken | StreamReasoning) else text


def sequence(drawn: list[Arrow]) -> str:
    """Return the messages as an SVG file: a line for each process, and an arrow for each message."""
    width, height = 2 * LEFT_PX + LINE_PX * (len(LINES) - 1), TOP_PX + ROW_PX * (len(drawn) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" width="{width}">',
        f"<title>A turn with two tools, from its message to stream_complete</title><style>{STYLE}</style>",
        HEAD,
        f'<rect class="ground" width="{width}" height="{height}"/>',
    ]
    for number, name in enumerate(LINES):
        x = LEFT_PX + LINE_PX * number
        parts.append(f'<line class="life" x1="{x}" x2="{x}" y1="{TOP_PX - 16}" y2="{height - 8}"/>')
        parts.append(f'<text class="name" x="{x}" y="{TOP_PX - 28}" text-anchor="middle">{name}</text>')
    for number, arrow in enumerate(drawn):
        parts += _arrow(arrow, TOP_PX + ROW_PX * (number + 1) - 8)
    return "\n".join((*parts, "</svg>\n"))


def _arrow(arrow: Arrow, y: int) -> Iterator[str]:
    start, end = LEFT_PX + LINE_PX * arrow.start, LEFT_PX + LINE_PX * arrow.end
    kind = "event" if arrow.event else "arrow"
    yield f'<line class="{kind}" x1="{start}" x2="{end}" y1="{y}" y2="{y}" marker-end="url(#head)"/>'
    middle = (start + end) // 2
    yield f'<text class="{kind if arrow.event else "text"}" x="{middle}" y="{y - 4}" text-anchor="middle">'
    yield f"{escape(arrow.text)}</text>"


def pictures() -> dict[str, str]:
    """Return the files by their names."""
    turn = events()
    return {"turn.svg": sequence(list(arrows(turn))), "timeline.svg": svg(picture_of(timeline_of(turn)))}


if __name__ == "__main__":
    for name, text in pictures().items():
        (HERE / name).write_text(text, encoding="utf-8")
