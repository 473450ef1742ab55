"""Blocks of the view as rich renderables, for any width. Model and tool output enters as Text, never as markup."""

from collections.abc import Iterable, Iterator

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from agents.cli.view.printable import one_line, printable
from agents.cli.view.view import Block, Call, Called, Ended, Note, Noted, Said, Thought, View
from agents.core.events import Response, ToolResult

SPINNER = Spinner("dots", style="cyan")
NAME_WIDTH = 24
SHOWN_CHARS = 1000  # of arguments and results: more than any line holds, and no work for the rest


def block(finished: Block) -> RenderableType:
    match finished:
        case Said(text):
            return Text(printable(text))
        case Thought(text):
            return Text(printable(text), style="dim italic")
        case Called(calls, notes):
            return Group("", _call_table(calls, None), *_under(notes), "")
        case Noted(each):
            return note(each)
        case Ended(response):
            return Group("", Text(figures(response), style="dim"))


def live(view: View, now_s: float) -> RenderableType:
    """What still changes, as it stands at now_s: never higher than the screen."""
    parts: list[RenderableType] = []
    if view.calls:
        parts += ["", _call_table(view.calls, now_s)]
    if view.text:
        parts.append(block(Thought(view.text) if view.thinking else Said(view.text)))
    return Tail(Group(*parts, *_under(view.notes)))


def note(each: Note) -> RenderableType:
    """A report on one line, cut to fit; whatever is said to the reader, whole."""
    if each.report:
        return Text(f"  {one_line(each.text)}", style="dim", no_wrap=True, overflow="ellipsis")
    return Text(printable(each.text), style="bold yellow")


def figures(response: Response) -> str:
    """The metrics of the turn on one line; what is not known is left out."""
    return " · ".join(_figures(response))


def outcome(result: ToolResult) -> str:
    """A result on one line, with how often it was tried if more than once."""
    said = one_line(result.content[:SHOWN_CHARS])
    return said if result.attempts == 1 else f"(attempt {result.attempts}) {said}"


class Tail:
    """The last lines of a renderable, as many as the screen is high."""

    def __init__(self, whole: RenderableType) -> None:
        self._whole = whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._whole, options.update(height=None), pad=False)
        height = max(1, console.size.height - 1)
        for position, line in enumerate(lines[-height:]):
            if position:
                yield Segment.line()
            yield from line


def _under(notes: tuple[Note, ...]) -> tuple[RenderableType, ...]:
    """Notes below what they are about, set off by an empty line."""
    return ("", *map(note, notes)) if notes else ()


def _call_table(calls: Iterable[Call], now_s: float | None) -> Table:
    """Two lines a call: what is asked for and how long it takes, then what came of it. now_s: None if all is over."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, max_width=NAME_WIDTH, overflow="ellipsis", style="bold")
    table.add_column(no_wrap=True, justify="right", style="cyan")
    table.add_column(no_wrap=True, ratio=1, overflow="ellipsis")
    for call in calls:
        asked = Text(one_line(call.arguments[:SHOWN_CHARS]), style="dim")
        table.add_row(_mark(call, now_s), Text(one_line(call.name)), _clock(call, now_s), asked)
        if call.result is not None:
            table.add_row("", "", "", Text(outcome(call.result), style="red" if call.result.error else ""))
        elif call.progress:
            table.add_row("", "", "", Text(one_line(call.progress[:SHOWN_CHARS]), style="dim"))
    return table


def _mark(call: Call, now_s: float | None) -> RenderableType:
    if call.result is not None:
        return Text("✗", style="red") if call.result.error else Text("✓", style="green")
    return Text("-", style="dim") if now_s is None else SPINNER


def _clock(call: Call, now_s: float | None) -> str:
    if call.result is not None:
        return f"{call.result.elapsed_s:.2f} s"
    if call.started_s is None or now_s is None:
        return ""
    return f"{now_s - call.started_s:.1f} s"


def _figures(response: Response) -> Iterator[str]:
    metrics, usage = response.metrics, response.usage
    if metrics is not None:
        yield f"{metrics.total_time_ms / 1000:.2f} s"
        if metrics.time_to_first_token_ms is not None:
            yield f"first token {metrics.time_to_first_token_ms / 1000:.2f} s"
        if metrics.function_calls:
            yield f"{metrics.function_calls} calls {metrics.tool_time_ms / 1000:.2f} s"
        yield f"{metrics.tokens_per_second:.1f} tokens/s"
    if usage.input_tokens is not None and usage.output_tokens is not None:
        yield f"{usage.input_tokens} in, {usage.output_tokens} out"
