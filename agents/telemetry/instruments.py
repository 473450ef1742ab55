"""The instruments: one table, from which /metrics and OpenTelemetry make theirs. So both show the same numbers.

Source of the last three: OpenTelemetry's semantic conventions for GenAI, with their bounds.
"""

from typing import Final

from msgspec import Struct

from agents.traces import attributes as names

TURN_BOUNDS_S: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
FIRST_TOKEN_BOUNDS_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
TOOL_BOUNDS_S: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
TOKEN_BOUNDS: Final = tuple(float(4**power) for power in range(14))
CALL_BOUNDS_S: Final = tuple(round(0.01 * 2**power, 2) for power in range(14))
CHUNK_BOUNDS_S: Final = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1),
    *(0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)


class Instrument(Struct, frozen=True):
    """A counter, or a histogram if it has bounds. prometheus: its name in /metrics, without the suffix `_total`."""

    name: str
    prometheus: str
    unit: str
    text: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


TURNS: Final = Instrument("understudy.turns", "understudy_turns", "{turn}", "Finished turns.", ("outcome",))
TOKENS: Final = Instrument(
    "understudy.tokens",
    "understudy_tokens",
    "{token}",
    "Tokens: input, its cached part and output by providers' counts, streamed as they came.",
    ("kind",),
)
MODEL_CALLS: Final = Instrument(
    "understudy.model.calls",
    "understudy_model_calls",
    "{call}",
    "Model calls. Retries of a call are not counted here.",
)
MODEL_RETRIES: Final = Instrument(
    "understudy.model.retries", "understudy_model_retries", "{retry}", "Retries of model calls."
)
TURN_S: Final = Instrument(
    "understudy.turn.duration", "understudy_turn_seconds", "s", "Duration of turns.", bounds=TURN_BOUNDS_S
)
FIRST_TOKEN_S: Final = Instrument(
    "understudy.turn.time_to_first_token",
    "understudy_first_token_seconds",
    "s",
    "Time from the start of a turn to its first token.",
    bounds=FIRST_TOKEN_BOUNDS_S,
)
TOOL_CALLS: Final = Instrument(
    "understudy.tool.calls",
    "understudy_tool_calls",
    "{call}",
    "Tool calls of finished turns.",
    ("tool", "outcome"),
)
TOOL_S: Final = Instrument(
    "understudy.tool.duration", "understudy_tool_seconds", "s", "Duration of tool calls.", ("tool",), TOOL_BOUNDS_S
)
HTTP_S: Final = Instrument(
    "understudy.http.duration",
    "understudy_http_seconds",
    "s",
    "Time from a request to the head of its answer.",
    (names.HTTP_METHOD, names.HTTP_ROUTE, names.HTTP_STATUS),
    TOOL_BOUNDS_S,
)
CRASHES: Final = Instrument(
    "understudy.crashes", "understudy_crashes", "{crash}", "Crashed children, by supervisor.", ("supervisor",)
)
SPENT_TOKENS: Final = Instrument(
    "understudy.spent.tokens",
    "understudy_spent_tokens",
    "{token}",
    "Tokens of charged model calls.",
    ("owner", "agent", "model", "kind"),
)
SPENT_COST: Final = Instrument(
    "understudy.spent.cost",
    "understudy_spent_cost",
    "1",
    "Cost of charged model calls, in the currency of the prices.",
    ("owner", "agent", "model"),
)
WEBHOOKS: Final = Instrument(
    "understudy.webhook.attempts",
    "understudy_webhook_attempts",
    "{attempt}",
    "Attempts to send a message of a webhook.",
    ("outcome",),
)
CALL_LABELS: Final = (names.OPERATION, names.PROVIDER, names.REQUEST_MODEL)
TOKEN_USAGE: Final = Instrument(
    "gen_ai.client.token.usage",
    "gen_ai_client_token_usage",
    "{token}",
    "Number of input and output tokens used.",
    (*CALL_LABELS, names.TOKEN_TYPE),
    TOKEN_BOUNDS,
)
OPERATION_S: Final = Instrument(
    "gen_ai.client.operation.duration",
    "gen_ai_client_operation_duration_seconds",
    "s",
    "GenAI operation duration.",
    (*CALL_LABELS, names.ERROR_TYPE),
    CALL_BOUNDS_S,
)
FIRST_CHUNK_S: Final = Instrument(
    "gen_ai.client.operation.time_to_first_chunk",
    "gen_ai_client_operation_time_to_first_chunk_seconds",
    "s",
    "Time from a request to the first chunk of its answer.",
    CALL_LABELS,
    CHUNK_BOUNDS_S,
)

INSTRUMENTS: Final = (
    *(TURNS, TOKENS, MODEL_CALLS, MODEL_RETRIES, TURN_S, FIRST_TOKEN_S, TOOL_CALLS, TOOL_S, HTTP_S, CRASHES),
    *(SPENT_TOKENS, SPENT_COST, WEBHOOKS),
    *(TOKEN_USAGE, OPERATION_S, FIRST_CHUNK_S),
)
