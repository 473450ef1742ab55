"""The meter: counts the turns that have ended. One message a turn, nothing a token.

The counts outlive the process: they belong to the daemon, which shows them (scrape.py).
"""

from bisect import bisect_left
from collections import Counter
from typing import Final

from msgspec import Struct

from actors import GenServer, NoReply
from agents.streams.report import ToolCalled, TurnEnded

TURN_BOUNDS_S: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
FIRST_TOKEN_BOUNDS_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
TOOL_BOUNDS_S: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SUCCESS: Final = "complete"
MAX_TOOLS: Final = 200  # names are the model's to write: from there on they count as one
OTHER: Final = "other"


class Durations:
    """A histogram. counts: a bucket each, the last one without a bound."""

    def __init__(self, bounds_s: tuple[float, ...]) -> None:
        self.bounds_s = bounds_s
        self.counts = [0] * (len(bounds_s) + 1)
        self.sum_s = 0.0

    def add(self, took_s: float) -> None:
        self.counts[bisect_left(self.bounds_s, took_s)] += 1
        self.sum_s += took_s


class Counts:
    """Since the daemon began. turns: by outcome, which is `complete` or the tag of the fault. tokens: by direction.
    tools: by name and outcome; tool_s: by name."""

    def __init__(self) -> None:
        self.turns: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.tools: Counter[tuple[str, str]] = Counter()
        self.model_calls = 0
        self.retries = 0
        self.turn_s = Durations(TURN_BOUNDS_S)
        self.first_token_s = Durations(FIRST_TOKEN_BOUNDS_S)
        self.tool_s: dict[str, Durations] = {}

    def add(self, turn: TurnEnded) -> None:
        self.turns[turn.fault or SUCCESS] += 1
        self.tokens["input"] += turn.usage.input_tokens or 0
        self.tokens["output"] += turn.usage.output_tokens or 0
        self.model_calls += turn.model_calls
        self.retries += turn.retries
        for tool in turn.tools:
            self._add_tool(tool)
        if (metrics := turn.metrics) is not None:
            self.tokens["streamed"] += metrics.token_count
            self.turn_s.add(metrics.total_time_ms / 1000)
            if metrics.time_to_first_token_ms is not None:
                self.first_token_s.add(metrics.time_to_first_token_ms / 1000)

    def _add_tool(self, tool: ToolCalled) -> None:
        name = tool.name if tool.name in self.tool_s or len(self.tool_s) < MAX_TOOLS else OTHER
        self.tools[name, tool.error or SUCCESS] += 1
        self.tool_s.setdefault(name, Durations(TOOL_BOUNDS_S)).add(tool.elapsed_s)


class Metering(Struct, frozen=True):
    """counts: they change in place."""

    counts: Counts


class Meter(GenServer[Metering]):
    def init(self, counts: Counts) -> Metering:
        return Metering(counts)

    def handle_info(self, message: object, state: Metering) -> NoReply[Metering]:
        if isinstance(message, TurnEnded):
            state.counts.add(message)
        return NoReply(state)
