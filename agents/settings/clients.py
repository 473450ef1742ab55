"""The limits of the gateway's clients without the scope `admin`."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from agents.settings.agent import LimitsConfig
from agents.settings.values import Bytes, Count, Milliseconds, Name

OPTIONS: Final = (
    *("temperature", "top_p", "top_k", "min_p", "seed", "stop", "logit_bias", "logprobs", "top_logprobs"),
    *("max_tokens", "max_completion_tokens", "max_output_tokens", "presence_penalty", "frequency_penalty"),
    *("repetition_penalty", "reasoning", "reasoning_effort", "thinking", "verbosity", "text", "response_format"),
    *("tool_choice", "parallel_tool_calls", "truncation", "user", "metadata"),
)
"""Request keys that set how a model answers. Other keys choose the model, the address, the history or the price."""


class ClientLimits(BaseModel):
    """The quotas of one user, and the ceilings for the agents that a client starts.

    max_agents: running agents. max_sessions: kept sessions. max_schedules: schedules; `every` is
    then at least 60 s, as for cron. max_waiting_bytes: messages that wait in the queues of all
    agents or to join a turn; each counts as 1 KiB or more. models: names that a client may use; None: any.
    model_options: keys that a client may set. min_chunk_timeout: the shortest chunk_timeout of an agent. The other
    fields are ceilings of an agent's keys with the same names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_agents: Count = 1000
    max_sessions: Count = 10_000
    max_schedules: Count = 100
    max_waiting_bytes: Bytes = 16 * 1024 * 1024
    models: tuple[Name, ...] | None = None
    model_options: tuple[Name, ...] = OPTIONS
    max_queue: Annotated[int, Field(ge=0)] = 100
    max_steering: Count = 100
    max_retries: Annotated[int, Field(ge=0)] = 10
    answer_retries: Annotated[int, Field(ge=0)] = 10
    min_chunk_timeout: Milliseconds = 1000
    limits: LimitsConfig = LimitsConfig()
