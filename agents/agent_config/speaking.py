"""The configuration of the agent that speaks: after a hand-off its instructions, models and tools hold.

All else stays that of the agent that the program started: limits, answer type, queue and owner.
"""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from agents.agent_config.config import AgentConfig
from agents.core.conversation import Conversation
from agents.core.hand_off import PREFIX, speaker_of
from agents.core.policy import EVERY, TurnPolicy
from agents.hooks.resolve import Hooks


def after(config: AgentConfig, messages: Conversation) -> AgentConfig:
    """Return the configuration of the agent that speaks after these messages."""
    if not config.team:
        return config
    speaker = config.speaker or next(iter(config.team))
    following = speaker_of(messages, speaker, {name: each.handoffs for name, each in config.team.items()})
    return config if following == speaker else spoken_by(config, following)


def spoken_by(config: AgentConfig, name: str) -> AgentConfig:
    """Return the configuration while the agent of the team with this name speaks."""
    member = config.team[name]
    own = member.policy
    return replace(
        config,
        system_prompt=member.system_prompt,
        tools=member.tools,
        routes=tuple(map(config.request.over, member.routes)),
        policy=replace(
            config.policy,
            speaker=name,
            retries=own.retries,
            models=own.models,
            barriers=own.barriers,
            eager=own.eager,
            approval=own.approval,
            agents=own.agents,
            context=own.context,
            loops=own.loops,
            recorded=own.recorded,
        ),
        deadlines=member.deadlines,
        stream=member.stream,
        summary_route=member.summary_route,
        handoffs=member.handoffs,
        speaker=name,
        large_results=member.large_results,
        hooks=next(iter(config.team.values())).hooks.then(member.hooks),
    )


def policy_of(config: AgentConfig) -> TurnPolicy:
    """Return the policy of a turn that the agent begins, with those of the agents to which it may hand over."""
    policy = _reviewed(config.measured_policy, config.hooks)
    return replace(policy, handoffs=_Handoffs(config)) if config.handoffs else policy


def voiced(config: AgentConfig, conversation: Conversation) -> Conversation:
    """Return the conversation with the instructions of the agent that speaks, in place of those of the first agent."""
    if not config.speaker:
        return conversation
    first = next(iter(config.team.values())).opening()
    rest = conversation[len(first) :] if conversation[: len(first)] == first else conversation
    return (*config.opening(), *rest)


def _reviewed(policy: TurnPolicy, hooks: Hooks) -> TurnPolicy:
    """Return the policy of a turn whose calls these hooks review: none runs, or starts early, before their decision."""
    if hooks.before_tool:
        policy = replace(policy, approval=EVERY)
    return replace(policy, eager=frozenset()) if hooks.before_tool or hooks.after_model else policy


class _Handoffs(Mapping[str, TurnPolicy]):
    """The policies of the agents to which an agent may hand over, by the names of the tools. Each is made when used."""

    def __init__(self, config: AgentConfig) -> None:
        self._config = config

    def __getitem__(self, tool: str) -> TurnPolicy:
        name = tool.removeprefix(PREFIX)
        if tool == name or name not in self._config.handoffs:
            raise KeyError(tool)
        return policy_of(spoken_by(self._config, name))

    def __iter__(self) -> Iterator[str]:
        return (PREFIX + name for name in self._config.handoffs)

    def __len__(self) -> int:
        return len(self._config.handoffs)
