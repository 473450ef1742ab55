"""Blocks of the view as rich renderables, for any width. Text of models and tools is never read as markup."""

from collections.abc import Iterable, Iterator

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from agents.cli.view.markdown import AnswerMarkdown
from agents.cli.view.printable import one_line, printable
from agents.cli.view.view import AnswerText, Block, Call, CallTable, Note, NoteLine, ReasoningText, TurnFigures, View
from agents.core.events import ToolResult
from agents.core.response import Response

SPINNER = Spinner("dots", style="cyan")
NAME_WIDTH = 24
LIVE_CHARS = 2000  # of an unfinished block of Markdown that is formatted for each picture
SHOWN_CHARS = 1000  # of arguments and results: longer than any line, and cheap to render


def block(finished: Block, *, markdown: bool = False) -> RenderableType:
    """Return a finished block. markdown: the answer is Markdown."""
    match finished:
        case AnswerText(text) if markdown:
            return Group(AnswerMarkdown(text), "") if text.endswith("\n") else AnswerMarkdown(text)
        case AnswerText(text):
            return Text(printable(text))
        case ReasoningText(text):
            return Text(printable(text), style="dim italic")
        case CallTable(calls, notes):
            return Group("", _call_table(calls, None), *_under(notes), "")
        case NoteLine(each):
            return note(each)
        case TurnFigures(response):
            return Group("", Text(figures(response), style="dim"))


def live(view: View, now_s: float) -> RenderableType:
    """Return the unfinished part of the view at now_s, cut to the height of the screen."""
    parts: list[RenderableType] = []
    if view.calls:
        parts += ["", _call_table(view.calls, now_s)]
    if view.text:
        text = ReasoningText(view.text) if view.thinking else AnswerText(view.text)
        parts.append(block(text, markdown=view.markdown and len(view.text) < LIVE_CHARS))
    return Tail(Group(*parts, *_under(view.notes)))


def note(each: Note) -> RenderableType:
    """Return a supervisor's report on one line, cut to fit, or another note in full."""
    if each.report:
        return Text(f"  {one_line(each.text)}", style="dim", no_wrap=True, overflow="ellipsis")
    return Text(printable(each.text), style="bold yellow")


def figures(response: Response) -> str:
    """Return the metrics of the turn on one line, without unknown ones."""
    return " · ".join(_figures(response))


def outcome(result: ToolResult) -> str:
    """Return a result on one line, with its number of attempts if there were several."""
    text = one_line(result.content[:SHOWN_CHARS])
    return text if result.attempts == 1 else f"(attempt {result.attempts}) {text}"


class Tail:
    """The last lines of a renderable, up to the height of the screen."""

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
    """Return the notes with an empty line before them, to stand below a block."""
    return ("", *map(note, notes)) if notes else ()


def _call_table(calls: Iterable[Call], now_s: float | None) -> Table:
    """Return a table with two lines per call: arguments and time, then result or progress.

    now_s: None if the turn is over.
    """
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, max_width=NAME_WIDTH, overflow="ellipsis", style="bold")
    table.add_column(no_wrap=True, justify="right", style="cyan")
    table.add_column(no_wrap=True, ratio=1, overflow="ellipsis")
    for call in calls:
        arguments = Text(one_line(call.arguments[:SHOWN_CHARS]), style="dim")
        table.add_row(_mark(call, now_s), Text(one_line(call.name)), _clock(call, now_s), arguments)
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
            calls = "call" if metrics.function_calls == 1 else "calls"
            yield f"{metrics.function_calls} {calls} {metrics.tool_time_ms / 1000:.2f} s"
        yield f"{metrics.tokens_per_second:.1f} tokens/s"
    if usage.input_tokens is not None and usage.output_tokens is not None:
        yield f"{usage.input_tokens} in, {usage.output_tokens} out"
