"""The settings of an agent's turns and model calls, from its own keys and those of the application."""

from collections.abc import Mapping

from agents.agent_config.context import context_policy
from agents.core.limits import Limits
from agents.core.loops import LoopPolicy
from agents.core.policy import Candidate, TurnPolicy
from agents.core.retry import RetryPolicy
from agents.llm.call import ModelCallDeadlines
from agents.settings import Settings
from agents.settings.agent import AgentSettings
from agents.sub_agents.agent_tool import AgentTool
from agents.tools.tool import Tool


def turn_policy(
    checked: AgentSettings, tools: Mapping[str, Tool], candidates: tuple[Candidate, ...], settings: Settings
) -> TurnPolicy:
    """Return the settings of a turn. candidates: the models that may answer."""
    streaming, limits, loops = checked.streaming_config, checked.limits, checked.loops
    return TurnPolicy(
        limits=Limits(
            model_calls=limits.model_calls,
            tool_calls=limits.tool_calls,
            parallel_tools=settings.streaming.max_tool_calls if streaming.parallel_tools else 1,
            parallel_agents=settings.sub_agents.max_parallel,
            tokens=limits.tokens,
            cost=limits.cost,
            time_s=None if limits.time is None else limits.time / 1000,
        ),
        retries=RetryPolicy(max_retries=streaming.max_retries, after_output=streaming.retry_after_output),
        models=candidates,
        barriers=frozenset(name for name, tool in tools.items() if not tool.parallel),
        eager=frozenset(name for name, tool in tools.items() if tool.eager),
        approval=frozenset(name for name, tool in tools.items() if tool.gated),
        agents=frozenset(name for name, tool in tools.items() if isinstance(tool, AgentTool)),
        answer_retries=None if checked.answer_type is None else checked.answer_retries,
        context=context_policy(checked, settings),
        loops=LoopPolicy(loops.tell, loops.ask, loops.stop, frozenset(loops.exempt)),
        recorded=frozenset(name for name, tool in tools.items() if not tool.idempotent),
    )


def deadlines(checked: AgentSettings, settings: Settings) -> ModelCallDeadlines:
    """Return the deadlines of a model call."""
    streaming, own = settings.streaming, checked.streaming_config.chunk_timeout
    host_first_byte = streaming.first_byte_timeout or streaming.timeout
    return ModelCallDeadlines(
        connect_s=streaming.connect_timeout / 1000,
        first_byte_s=(own or host_first_byte) / 1000,
        idle_s=(own or streaming.timeout) / 1000,
        hasty=own is not None and own < max(streaming.timeout, host_first_byte),
    )
