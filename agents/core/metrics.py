"""The metrics of a turn. Source: API reference, stream_metrics and analyze_metrics."""

from msgspec import Struct
from msgspec.structs import replace

from agents.core.stream_metrics import StreamMetrics


class Tally(Struct, frozen=True):
    """The counts of a running turn. Moments are monotonic seconds, as in turn.step.

    started_unix_s: the Unix time of started_s. stopped_s: the time in which no program ran the turn, or the turn waited
    for a budget. waiting_since_s: the begin of such a wait. tokens, bytes: counts of the finished model calls. errors:
    one line for each failed tool, each retry and the final fault.
    """

    started_s: float
    started_unix_s: float = 0.0
    first_token_s: float | None = None
    executing_since_s: float | None = None
    tool_time_s: float = 0.0
    stopped_s: float = 0.0
    tokens: int = 0
    bytes: int = 0
    errors: tuple[str, ...] = ()
    waiting_since_s: float | None = None

    def executing(self, now_s: float) -> "Tally":
        """Count the time of tools from now on."""
        return replace(self, executing_since_s=now_s)

    def executed(self, now_s: float) -> "Tally":
        """Count the time of tools up to now."""
        since_s = now_s if self.executing_since_s is None else self.executing_since_s
        return replace(self, executing_since_s=None, tool_time_s=self.tool_time_s + now_s - since_s)

    def waiting(self, now_s: float) -> "Tally":
        """Count no time of the turn from now on."""
        return replace(self, waiting_since_s=now_s)

    def waited(self, now_s: float) -> "Tally":
        """Count the time of the turn again from now on."""
        if self.waiting_since_s is None:
            return self
        return replace(self, waiting_since_s=None, stopped_s=self.stopped_s + now_s - self.waiting_since_s)

    def unix_s(self, now_s: float) -> float:
        """Return the Unix time of a moment. A change of the machine's clock during the turn does not affect it."""
        return self.started_unix_s + (now_s - self.started_s)

    def ran_s(self, now_s: float) -> float:
        """Return the time in which a program ran the turn, without its waits for budgets."""
        return now_s - self.started_s - self.waited(now_s).stopped_s

    def kept(self, now_s: float) -> "Tally":
        """Return the counts for a later program with another monotonic clock: moments are relative to now."""
        first_s = None if self.first_token_s is None else self.first_token_s - now_s
        since_s = None if self.waiting_since_s is None else 0.0
        kept = replace(self.executed(now_s).waited(now_s), waiting_since_s=since_s)
        return replace(kept, started_s=self.started_s - now_s, first_token_s=first_s)

    def resumed(self, now_s: float, unix_s: float) -> "Tally":
        """Return the kept counts for this program's clock.

        The time since they were kept counts as time of the turn, not of its tools.
        """
        stopped_s = max(unix_s - (self.started_unix_s - self.started_s), 0.0)
        moved_s = now_s - stopped_s
        first_s = None if self.first_token_s is None else self.first_token_s + moved_s
        began = replace(self, started_s=self.started_s + moved_s, first_token_s=first_s)
        since_s = None if self.waiting_since_s is None else now_s
        return replace(began, stopped_s=self.stopped_s + stopped_s, waiting_since_s=since_s)

    def heard(self, tokens: int, text: str) -> "Tally":
        size_bytes = len(text.encode(errors="surrogatepass"))
        return replace(self, tokens=self.tokens + tokens, bytes=self.bytes + size_bytes)

    def failed(self, error: str) -> "Tally":
        return replace(self, errors=(*self.errors, error))


def metrics(tally: Tally, function_calls: int, now_s: float) -> StreamMetrics:
    total_s = max(now_s - tally.started_s, 1e-9)
    first_s = None if tally.first_token_s is None else tally.first_token_s - tally.started_s
    return StreamMetrics(
        total_time_ms=_ms(total_s),
        time_to_first_token_ms=None if first_s is None else _ms(first_s),
        token_count=tally.tokens,
        byte_count=tally.bytes,
        tokens_per_second=round(tally.tokens / total_s, 3),
        bytes_per_second=round(tally.bytes / total_s, 3),
        function_calls=function_calls,
        tool_time_ms=_ms(tally.tool_time_s),
        errors=tally.errors,
        start_time=_unix_ms(tally, 0.0),
        first_token_time=None if first_s is None else _unix_ms(tally, first_s),
        end_time=_unix_ms(tally, total_s),
    )


def _ms(seconds: float) -> float:
    """Return milliseconds, rounded to the microsecond."""
    return round(seconds * 1000, 3)


def _unix_ms(tally: Tally, after_s: float) -> int:
    return round((tally.started_unix_s + after_s) * 1000)
