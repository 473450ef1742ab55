"""The keys of start_agent's mapping, and of an agent in the configuration file. Durations are in ms.

Source: API reference, "Per-Agent Configuration". agents/agent_config turns these keys into a checked configuration.
"""

import json
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import uuid4

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from agents.core.context import ContextStrategy
from agents.core.depth import SHALLOW, too_deep
from agents.core.faults import Fault, InvalidValue
from agents.core.outcome import OnUnknown
from agents.llm.endpoint import Api
from agents.settings.aws import AwsSettings, OneAuthorization
from agents.settings.budgets import BudgetSettings
from agents.settings.headers import NOT_GIVEN, Headers, Parameters
from agents.settings.hooks import HookSettings
from agents.settings.large_results import LargeResultSettings
from agents.settings.parts import PartKind
from agents.settings.secret import NO_SECRET, ApiKey
from agents.settings.values import (
    NUMBER,
    AgentId,
    Count,
    CountOrZero,
    Flag,
    HttpAddress,
    Milliseconds,
    Name,
    TextOnly,
    UserName,
)


class WhenBusy(StrEnum):
    """The treatment of a message that comes while a turn runs: it waits, is refused, ends the turn, or joins it."""

    QUEUE = "queue"
    REJECT = "reject"
    INTERRUPT = "interrupt"
    STEER = "steer"


class _Checked(TextOnly, BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class StreamingConfig(_Checked):
    """The settings of an agent's model calls and tool calls.

    chunk_timeout: longest silence of the provider, in ms. parallel_tools: False runs one call at a time. max_retries:
    retries of a model call, on each of the agent's models. retry_after_output: also retry a model call that has
    published output; stream_reset announces it.
    """

    chunk_timeout: Milliseconds | None = None
    parallel_tools: Flag = True
    max_retries: CountOrZero = 3
    retry_after_output: Flag = False


class LimitsConfig(_Checked):
    """The limits of one turn; see core/limits.py. time: in ms, tools and approvals included."""

    model_calls: Count = 25
    tool_calls: Count | None = None
    tokens: Count | None = None
    cost: Annotated[float, NUMBER, Field(gt=0, allow_inf_nan=False)] | None = None
    time: Milliseconds | None = 600_000


class LoopsConfig(_Checked):
    """The treatment of a call that the model makes again and again in one turn; see core/loops.py. None: never.

    Each number counts the same call in a row, or in turn with one other call.
    """

    tell: Count | None = 5
    ask: Count | None = None
    stop: Count | None = 40
    exempt: list[Name] = []

    @model_validator(mode="after")
    def _stops_last(self) -> Self:
        """Refuse a given number that no call reaches, since the turn ends before."""
        for name, number in (("tell", self.tell), ("ask", self.ask)):
            if name in self.model_fields_set and number and self.stop and number >= self.stop:
                raise InvalidValue(Fault((name,), f"less than stop, {self.stop}", str(number)))
        return self


class ContextConfig(_Checked):
    """The context window of an agent's model, in tokens.

    max_tokens: its size; None: unknown. reserve: the part of it for the answer; None: a quarter, at most 16,384.
    strategy: the treatment of a conversation that becomes too long. keep_turns: the turns before the present one that
    stay whole while they fit. model: the one that writes summaries, at the agent's provider; None: the agent's.
    """

    max_tokens: Count | None = None
    reserve: CountOrZero | None = None
    strategy: ContextStrategy = ContextStrategy.TRIM
    keep_turns: CountOrZero = 2
    model: Name | None = None

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.max_tokens is None and self.reserve is not None:
            raise InvalidValue(Fault(("reserve",), "no reserve without max_tokens", str(self.reserve)))
        if self.max_tokens is not None and self.reserve is not None and self.reserve >= self.max_tokens:
            raise InvalidValue(Fault(("reserve",), f"less than max_tokens, {self.max_tokens}", str(self.reserve)))
        return self


def _sendable(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options if a request can carry them. Raises InvalidValue if not."""
    if too_deep(options):
        raise InvalidValue(Fault((), SHALLOW))
    try:
        json.dumps(options, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValue(Fault((), f"JSON data ({error})")) from None
    return options


ModelOptions = Annotated[dict[str, Any], AfterValidator(_sendable)]


class Fallback(OneAuthorization, _Checked):
    """A model to ask after another one has failed.

    provider: a name in the settings. Given: a missing key has the provider's value; if the provider has none, base_url
    and api_key come from the settings, and the other keys from the agent. None: all missing keys come from the agent.
    headers, query: of the requests. api_version: of Azure. aws: of Amazon Bedrock. An own base_url or aws has only its
    own four. reasoning_effort: None: the agent's. accepts: as in AgentSettings.
    """

    provider: Name | None = None
    model: Name | None = None
    api_preference: Api | None = None
    base_url: HttpAddress | None = None
    api_key: ApiKey = NO_SECRET
    headers: Headers = NOT_GIVEN
    query: Parameters = NOT_GIVEN
    api_version: Name | None = None
    aws: AwsSettings | None = None
    model_options: ModelOptions | None = None
    reasoning_effort: Name | None = None
    accepts: list[PartKind] | None = None


class AgentSettings(OneAuthorization, _Checked):
    """The settings of an agent.

    provider: a name in the settings; None: the first of providers.order, unless base_url or aws is given. headers,
    query: of the requests. api_version: of Azure. aws: of Amazon Bedrock. An own base_url or aws has only its own four.
    reasoning_effort: a word of the model, such as "low". description: for the model of an agent that has this one as a
    tool or hands over to it. handoffs: ids of agents of the settings, or configurations, to which the agent may hand
    over. fallbacks: None: the other providers in their order, if the agent uses a named provider. max_queue: messages
    that may wait for their turn.
    max_steering: messages that may wait for the next model call of the running turn. owner: the gateway's user who owns
    the agent; None: only the scope `admin` gives access.
    accepts: the kinds of parts besides text that the model takes; None: any, and the provider decides. context: the
    context window of the model. loops: of calls. hooks: the functions that decide on its model calls and tool calls.
    budget: limits of what the agent's model calls may spend, besides those of the settings. account: the name to which
    the model calls are charged; None: the agent's name. large_results: the limits above which results of tools are put
    aside; None: the model gets all of each result. on_unknown: of the calls of its tools that say nothing else, see
    `tool`.
    """

    id: AgentId = Field(default_factory=lambda: uuid4().hex)
    name: str = "agent"
    model: Name | None = None
    system_prompt: str = ""
    tools: list[Any] = []
    description: str = ""
    handoffs: list[Any] = []
    api_preference: Api = Api.CHAT
    stream: Flag = True
    streaming_config: StreamingConfig = StreamingConfig()
    provider: Name | None = None
    base_url: HttpAddress | None = None
    api_key: ApiKey = NO_SECRET
    headers: Headers = NOT_GIVEN
    query: Parameters = NOT_GIVEN
    api_version: Name | None = None
    aws: AwsSettings | None = None
    model_options: ModelOptions = {}
    reasoning_effort: Name | None = None
    fallbacks: list[Fallback] | None = None
    limits: LimitsConfig = LimitsConfig()
    context: ContextConfig = ContextConfig()
    loops: LoopsConfig = LoopsConfig()
    when_busy: WhenBusy = WhenBusy.QUEUE
    max_queue: CountOrZero = 100
    max_steering: Count = 100
    answer_type: Any = None
    answer_retries: CountOrZero = 2
    owner: UserName | None = None
    accepts: list[PartKind] | None = None
    hooks: HookSettings | None = None
    budget: list[BudgetSettings] = []
    large_results: LargeResultSettings | None = None
    account: Name | None = None
    on_unknown: OnUnknown = OnUnknown.TELL

    def given(self) -> dict[str, Any]:
        """Return the given keys, in the form that start_agent accepts. Without a name, the account is the id."""
        given = self.model_dump(exclude_unset=True)
        return given if given.keys() & {"name", "account"} else {**given, "account": self.id}
