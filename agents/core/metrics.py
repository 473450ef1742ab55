"""A turn in figures. Source: API reference, stream_metrics and analyze_metrics."""

from msgspec import Struct
from msgspec.structs import replace

from agents.core.events import StreamMetrics


class Tally(Struct, frozen=True):
    """The counts of a running turn. Moments are monotonic seconds, as given to turn.step.

    started_unix_s: the Unix time of started_s. tokens, bytes: of the finished model calls. errors: one line for each
    failed tool, each retry and the end.
    """

    started_s: float
    started_unix_s: float = 0.0
    first_token_s: float | None = None
    executing_since_s: float = 0.0
    tool_time_s: float = 0.0
    tokens: int = 0
    bytes: int = 0
    errors: tuple[str, ...] = ()

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
    """To the microsecond: further digits are noise."""
    return round(seconds * 1000, 3)


def _unix_ms(tally: Tally, after_s: float) -> int:
    return round((tally.started_unix_s + after_s) * 1000)
