"""The meter: counts turns at their ends, and crashed children. It gets one message for each of them, none for a token.

The metrics outlive the process, because the daemon holds them. scrape.py shows them.
"""

from typing import Any, Final

from actors import GenServer, NoReply, pg
from agents.extras import extra
from agents.streams.report import ToolCalled, TurnEnded
from supervisors.reports import TERMINATIONS, ChildTerminated

with extra("daemon", "the daemon's metrics"):
    from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

TURN_BOUNDS_S: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
FIRST_TOKEN_BOUNDS_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
TOOL_BOUNDS_S: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SUCCESS: Final = "complete"
MAX_TOOLS: Final = 200  # a model may invent names: further ones are counted under OTHER
OTHER: Final = "other"


class Counts:
    """The metrics since the daemon's start, and the registry that holds them."""

    def __init__(self) -> None:
        # Without this, the library adds a second series to each metric: the time of its creation.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._turns = self._counter("turns", "Finished turns.", "outcome")
        self._tokens = self._counter(
            "tokens",
            "Tokens: input, its cached part and output by providers' counts, streamed as they came.",
            "kind",
        )
        self._model_calls = self._counter("model_calls", "Model calls. Retries of a call are not counted here.")
        self._retries = self._counter("model_retries", "Retries of model calls.")
        self._turn_s = self._histogram("turn_seconds", "Duration of turns.", TURN_BOUNDS_S)
        self._first_token_s = self._histogram(
            "first_token_seconds", "Time from the start of a turn to its first token.", FIRST_TOKEN_BOUNDS_S
        )
        self._tool_calls = self._counter("tool_calls", "Tool calls of finished turns.", "tool", "outcome")
        self._tool_s = self._histogram("tool_seconds", "Duration of tool calls.", TOOL_BOUNDS_S, "tool")
        self._crashes = self._counter("crashes", "Crashed children, by supervisor.", "supervisor")
        self._tool_names: set[str] = set()

    def add_turn(self, turn: TurnEnded) -> None:
        self._turns.labels(turn.fault or SUCCESS).inc()
        self._tokens.labels("input").inc(turn.usage.input_tokens or 0)
        self._tokens.labels("cached").inc(turn.usage.cached_tokens or 0)
        self._tokens.labels("output").inc(turn.usage.output_tokens or 0)
        self._model_calls.inc(turn.model_calls)
        self._retries.inc(turn.retries)
        for tool in turn.tools:
            self._add_tool(tool)
        if (metrics := turn.metrics) is not None:
            self._tokens.labels("streamed").inc(metrics.token_count)
            self._turn_s.observe(metrics.total_time_ms / 1000)
            if metrics.time_to_first_token_ms is not None:
                self._first_token_s.observe(metrics.time_to_first_token_ms / 1000)

    def add_crash(self, crash: ChildTerminated) -> None:
        self._crashes.labels(crash.supervisor).inc()

    def _add_tool(self, tool: ToolCalled) -> None:
        if len(self._tool_names) < MAX_TOOLS:
            self._tool_names.add(tool.name)
        name = tool.name if tool.name in self._tool_names else OTHER
        self._tool_calls.labels(name, tool.error or SUCCESS).inc()
        self._tool_s.labels(name).observe(tool.elapsed_s)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"understudy_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, bounds_s: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"understudy_{name}", text, labels, buckets=bounds_s, registry=self.registry)


class Meter(GenServer[Counts]):
    """State: the counts, which change in place."""

    def init(self, counts: Counts) -> Counts:
        pg.join(TERMINATIONS, self.pid)
        return counts

    def handle_info(self, message: Any, counts: Counts) -> NoReply[Counts]:
        match message:
            case TurnEnded():
                counts.add_turn(message)
            case ChildTerminated():
                counts.add_crash(message)
        return NoReply(counts)
