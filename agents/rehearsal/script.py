"""A script: the answers of each model, as data. docs/rehearsal.md describes the file format.

Script -> models by name -> turns (one per kind of user message) -> steps (one per round of tool calls)
"""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, model_validator

FaultName = Literal[
    "bad_event",
    "bad_json",
    "close",
    "drop",
    "error_event",
    "html",
    "length",
    "overloaded",
    "rate_limit",
    "refused",
    "server_error",
    "stall",
    "truncate",
]
FAULT_NAMES: tuple[FaultName, ...] = get_args(FaultName)
INSTEAD_OF_AN_ANSWER = frozenset({"html", "overloaded", "rate_limit", "refused", "server_error"})
REFUSING = INSTEAD_OF_AN_ANSWER - {"html"}


def _named(value: object) -> object:
    """Accept `fault = "drop"` as short for `fault = { name = "drop" }`."""
    return {"name": value} if isinstance(value, str) else value


def _table_or_text(value: object) -> object:
    if isinstance(value, dict | str) or (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        return value
    raise ValueError(f"expected a table, a string or a list of strings, got {value!r}")


def _words_or_list(value: object) -> object:
    if isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        return value
    raise ValueError(f"expected a string or a list of strings, got {value!r}")


Words = Annotated[str | list[str], BeforeValidator(_words_or_list)]
Arguments = Annotated[dict[str, Any] | str | list[str], BeforeValidator(_table_or_text)]
Delay = Annotated[FiniteFloat, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    """The base of all parts of a script: an unknown key is an error, and no value is converted silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ScriptedFault(Part):
    """A fault in a step.

    after_tokens: the tokens that are sent first; an answer with fewer tokens breaks after its last token.
    times: None breaks each request; N breaks N of them and lets the next one through.
    retry_after_s: the wait that a refusal asks of the client.
    status: of a `refused`. message, type, code: of its error, and of an `error_event`; without all three: the
    usual ones.
    """

    name: FaultName
    after_tokens: Count | None = None
    times: Annotated[int, Field(ge=1)] | None = None
    retry_after_s: Delay | None = None
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    message: str | None = None
    type: str | None = None
    code: str | None = None

    @model_validator(mode="after")
    def _has_only_its_settings(self) -> Self:
        if self.after_tokens is not None and self.name in INSTEAD_OF_AN_ANSWER:
            raise ValueError(f"expected no after_tokens with {self.name}: this fault replaces the answer")
        if self.retry_after_s is not None and self.name not in REFUSING:
            raise ValueError(f"expected no retry_after_s with {self.name}, only with {', '.join(sorted(REFUSING))}")
        if (self.status is not None) != (self.name == "refused"):
            raise ValueError(f"expected a status with refused, and with no other fault, got {self.name}")
        if {self.message, self.type, self.code} != {None} and self.name not in {"refused", "error_event"}:
            raise ValueError(f"expected no message, type and code with {self.name}, only with refused, error_event")
        return self


class ScriptedCall(Part):
    """A tool call.

    arguments: a table is sent as JSON, a string unchanged, valid JSON or not. A list gives the deltas themselves.
    """

    name: Annotated[str, Field(min_length=1)]
    arguments: Arguments = Field(default_factory=dict)


class ScriptedUsage(Part):
    """The usage that the step reports. Missing counts are estimated."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    reasoning_tokens: Count = 0
    cached_tokens: Count = 0


class ScriptedStep(Part):
    """One answer of a model: its thoughts, then its text, then its tool calls.

    text, reasoning: a string is split into words; a list gives the tokens themselves.
    split_chars: length of a piece of a call's arguments. interleaved: the pieces of several calls take turns.
    """

    text: Words = ""
    reasoning: Words = ""
    tool_calls: list[ScriptedCall] = Field(default_factory=list)
    split_chars: Annotated[int, Field(ge=1)] = 12
    interleaved: bool = False
    usage: ScriptedUsage = ScriptedUsage()
    token_delay_s: Delay | None = None
    first_token_delay_s: Delay | None = None
    fault: Annotated[ScriptedFault, BeforeValidator(_named)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set & {"text", "reasoning", "tool_calls", "fault"}:
            raise ValueError("expected at least one of text, reasoning, tool_calls, fault")
        return self


class ScriptedTurn(Part):
    """The answers to one user message: the first step answers it, each later step a round of tool results.

    match: a piece of the user message, in any case; without it the turn fits every message.
    """

    match: Annotated[str, Field(min_length=1)] | None = None
    steps: Annotated[list[ScriptedStep], Field(min_length=1)]

    def fits(self, user: str) -> bool:
        return self.match is None or self.match.casefold() in user.casefold()


class Model(Part):
    """A model. token_delay_s, first_token_delay_s: the pace of steps without their own.

    context_tokens: a request with more tokens is refused, as by a model with such a context window; None: no limit.
    """

    turns: Annotated[list[ScriptedTurn], Field(min_length=1)]
    token_delay_s: Delay = 0.0
    first_token_delay_s: Delay = 0.0
    context_tokens: Annotated[int, Field(ge=1)] | None = None


class Script(Part):
    """Models by name. `builtin() | load(path)` holds the models of both; as with dicts, the right side wins."""

    models: Annotated[dict[str, Model], Field(min_length=1)]

    def __or__(self, other: "Script") -> "Script":
        return Script(models={**self.models, **other.models})
