"""The keys of start_agent's mapping, and of an agent in the configuration file. Durations in ms.

Source: API reference, "Per-Agent Configuration". What they make of an agent is in agent_config.py.
"""

import json
from enum import StrEnum
from typing import Annotated, Any
from uuid import uuid4

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from agents.core.depth import EXPECTED, too_deep
from agents.llm.endpoint import Api
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
    """What becomes of a message that comes while a turn runs: it waits, is refused, ends the turn, or joins it."""

    QUEUE = "queue"
    REJECT = "reject"
    INTERRUPT = "interrupt"
    STEER = "steer"


class _Checked(TextOnly, BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class StreamingConfig(_Checked):
    """chunk_timeout: longest silence of the provider, in ms. parallel_tools: False runs one call at a time.
    max_retries: of a model call, on each of the agent's models. retry_after_output: also of one that broke when some of
    its answer had been published; that is announced by stream_reset."""

    chunk_timeout: Milliseconds | None = None
    parallel_tools: Flag = True
    max_retries: CountOrZero = 3
    retry_after_output: Flag = False


class LimitsConfig(_Checked):
    """Of one turn; see core/limits.py. time: in ms, tools and approvals included."""

    model_calls: Count = 25
    tool_calls: Count | None = None
    tokens: Count | None = None
    cost: Annotated[float, NUMBER, Field(gt=0, allow_inf_nan=False)] | None = None
    time: Milliseconds | None = 600_000


def _sendable(options: dict[str, Any]) -> dict[str, Any]:
    """Raises ValueError for what no request can carry."""
    if too_deep(options):
        raise ValueError(EXPECTED)
    try:
        json.dumps(options, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"expected JSON data ({error})") from None
    return options


ModelOptions = Annotated[dict[str, Any], AfterValidator(_sendable)]


class Fallback(_Checked):
    """Another model, or the same elsewhere: what is not given is as of its provider, then as of the agent.

    provider: the name of one in the settings. Without it, and without an address, it is where the agent is.
    """

    provider: Name | None = None
    model: Name | None = None
    api_preference: Api | None = None
    base_url: HttpAddress | None = None
    api_key: SecretStr | None = None
    model_options: ModelOptions | None = None


class AgentSettings(_Checked):
    """provider: the name of one in the settings; None: the first of their order, unless there is a base_url.

    fallbacks: None: the other providers in their order, where the agent's own is one of them. max_queue: messages that
    wait for their turn. max_steering: messages that wait for the next model call of the turn that runs. owner: the user
    of the gateway's tokens to whom it belongs; None: nobody, so that only `admin` sees it.
    """

    id: AgentId = Field(default_factory=lambda: uuid4().hex)
    name: str = "agent"
    model: Name | None = None
    system_prompt: str = ""
    tools: list[Any] = []
    api_preference: Api = Api.CHAT
    stream: Flag = True
    streaming_config: StreamingConfig = StreamingConfig()
    provider: Name | None = None
    base_url: HttpAddress | None = None
    api_key: SecretStr | None = None
    model_options: ModelOptions = {}
    fallbacks: list[Fallback] | None = None
    limits: LimitsConfig = LimitsConfig()
    when_busy: WhenBusy = WhenBusy.QUEUE
    max_queue: CountOrZero = 100
    max_steering: Count = 100
    answer_type: Any = None
    answer_retries: CountOrZero = 2
    owner: UserName | None = None

    def given(self) -> dict[str, Any]:
        """What was given, as start_agent takes it."""
        return self.model_dump(exclude_unset=True)
