"""An agent's configuration, checked as a whole. Source: API reference, "Per-Agent Configuration"."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from pydantic import ValidationError

from agents.agent_config import workspace
from agents.agent_config.answer_type import AnswerType, InvalidAnswerType
from agents.agent_config.charging import Charging, charging_of
from agents.agent_config.errors import InvalidAgentConfig
from agents.agent_config.faulty_values import with_value
from agents.agent_config.large_results import READ_RESULT, large_results, with_larger_results
from agents.agent_config.members import members_of, transfers
from agents.agent_config.part_limits import part_limits
from agents.agent_config.request import NO_REQUEST, TurnRequest
from agents.agent_config.routes import route_faults, routes, summary_route
from agents.agent_config.turn_policy import deadlines, turn_policy
from agents.core.context import data_tokens
from agents.core.conversation import Conversation, SystemMessage
from agents.core.faults import Fault
from agents.core.large_result import LargeResults
from agents.core.outcome import OnUnknown
from agents.core.policy import TurnPolicy
from agents.hooks.resolve import NO_HOOKS, Hooks, hooks_of
from agents.llm.call import ModelCallDeadlines, Route
from agents.llm.endpoint import Api
from agents.mcp.spec import ServerSpec, names_server, servers_of
from agents.parts.limits import PartLimits
from agents.settings import Settings
from agents.settings.agent import AgentSettings, WhenBusy
from agents.settings.hooks import HookSettings
from agents.sub_agents.agent_tool import AgentTool, with_agents
from agents.sub_agents.parent_call import ParentCall
from agents.tools.errors import InvalidTool
from agents.tools.registry import resolve, with_defaults
from agents.tools.tool import Tool


class AgentConfig(Struct, frozen=True):
    """A checked configuration, with the application's defaults filled in.

    routes: the models to ask, in order. when_busy, max_queue, max_steering: the treatment of messages that come while a
    turn runs. answer: the type of the final answer; None: any text. answer_retries: how often the model is asked again
    for an answer of that type, or of a message's own type. owner: the user of the gateway who owns the agent.
    part_limits: of one message. servers: the MCP servers whose tools the agent has, besides its own. request: what
    holds for one turn only. parent: the call that the agent answers, if it is a sub-agent. summary_route: the model
    that writes summaries of a long conversation. team: all agents that may speak, by name, this one first; none for an
    agent without hand-offs. handoffs: the names of those to which the agent may hand over. speaker: the name of the one
    that speaks after a hand-off. hooks: those that hold for the agent, also those of the settings. charging: of model
    calls. large_results: None: the model gets all of each result. on_unknown: of the calls of its tools that
    say nothing else.
    """

    id: str
    name: str
    system_prompt: str
    tools: Mapping[str, Tool]
    routes: tuple[Route, ...]
    policy: TurnPolicy
    deadlines: ModelCallDeadlines
    stream: bool
    when_busy: WhenBusy
    max_queue: int
    max_steering: int
    answer: AnswerType | None
    answer_retries: int
    owner: str | None
    part_limits: PartLimits
    summary_route: Route
    on_unknown: OnUnknown = OnUnknown.TELL
    servers: tuple[ServerSpec, ...] = ()
    request: TurnRequest = NO_REQUEST
    parent: ParentCall | None = None
    team: "Mapping[str, AgentConfig]" = {}
    handoffs: tuple[str, ...] = ()
    speaker: str = ""
    hooks: Hooks = NO_HOOKS
    charging: Charging = Charging()
    large_results: LargeResults | None = None

    @property
    def api(self) -> Api:
        return self.routes[0].api

    def over(self, api: Api) -> "AgentConfig":
        """Return the same configuration with this API for the first model."""
        first, *others = self.routes
        return replace(self, routes=(replace(first, api=api), *others))

    def answering(self, answer: AnswerType | None) -> "AgentConfig":
        """Return the same configuration with a message's own answer type, if it has one."""
        if answer is None:
            return self
        return replace(self, answer=answer, policy=replace(self.policy, answer_retries=self.answer_retries))

    def requested(self, request: TurnRequest | None) -> "AgentConfig":
        """Return the same configuration with the request of a message, if it has one."""
        if request is None:
            return self
        policy = replace(self.policy, client=request.tool_names)
        return replace(self, routes=tuple(map(request.over, self.routes)), policy=policy, request=request)

    @property
    def measured_policy(self) -> TurnPolicy:
        """The policy with the estimated length of the tools and instructions, which count in a request."""
        context = self.policy.context
        if context.max_tokens is None and not self.charging.budgets:
            return self.policy
        extra = data_tokens((self.shown_tools(), self.request.instructions))
        return replace(self.policy, context=replace(context, extra=extra, measured=True))

    def asked_by(self, route: int) -> Route:
        """Return the route with this number, with request options that ask for the answer type."""
        chosen = self.routes[route]
        if self.answer is None:
            return chosen
        return replace(chosen, options={**self.answer.asked_for(chosen.api), **chosen.options})

    def shown_tools(self) -> list[Mapping[str, Any]]:
        """Return the descriptions of the tools for a model."""
        tools = self.tools.values()
        own = [{"name": tool.name, "description": tool.description, "parameters": tool.parameters} for tool in tools]
        return [*own, *self.request.tools]

    def unconfigured(self) -> Iterator[tuple[str, str]]:
        """Yield the agent's built-in tools that lack a setting, each with the key of that setting."""
        if "web_search" in self.tools and self.tools["web_search"].bound.get("endpoint") == "":
            yield "web_search", "tools.web_search_endpoint"

    def opening(self) -> Conversation:
        """Return the conversation before the first user message."""
        return (SystemMessage(self.system_prompt),) if self.system_prompt else ()


def agent_config(given: Mapping[str, Any], settings: Settings, *, from_host: bool = True) -> AgentConfig:
    """Check an agent's configuration. Raises InvalidAgentConfig with every fault. Nothing is started.

    from_host: False for a configuration from a client or a store: its answer_type must have a bounded check.
    """
    try:
        checked = AgentSettings.model_validate(dict(given))
    except ValidationError as error:
        raise InvalidAgentConfig(map(with_value, error.errors())) from None
    tools, servers, answer, hooks = _checked_parts(checked, settings, from_host=from_host)
    asked = tuple(routes(checked, settings))
    config = AgentConfig(
        id=checked.id,
        name=checked.name,
        system_prompt=checked.system_prompt,
        tools=tools,
        routes=tuple(route for route, _ in asked),
        policy=turn_policy(checked, tools, tuple(candidate for _, candidate in asked), settings),
        deadlines=deadlines(checked, settings),
        stream=checked.stream,
        when_busy=checked.when_busy,
        max_queue=checked.max_queue,
        max_steering=checked.max_steering,
        answer=answer,
        answer_retries=checked.answer_retries,
        owner=checked.owner,
        servers=servers,
        part_limits=part_limits(settings.parts),
        summary_route=summary_route(checked, settings),
        hooks=hooks,
        charging=charging_of(checked, settings),
        large_results=large_results(checked),
        on_unknown=checked.on_unknown,
    )
    return _with_team(config, given, settings, from_host=from_host) if checked.handoffs else config


def _with_team(config: AgentConfig, given: Mapping[str, Any], settings: Settings, *, from_host: bool) -> AgentConfig:
    """Return the configuration with the agents to which it may hand over. Raises InvalidAgentConfig."""
    try:
        members = members_of(config.id, given, settings.agents)
    except InvalidTool as invalid:
        raise InvalidAgentConfig(invalid.faults) from None
    team: dict[str, AgentConfig] = {}
    for member in members.values():
        own = config
        if team:
            its_own = {**member.given, "id": config.id, "owner": config.owner, "handoffs": []}
            try:
                own = agent_config(its_own, settings, from_host=from_host)
            except InvalidAgentConfig as invalid:
                raise InvalidAgentConfig(fault.below(*member.path) for fault in invalid.faults) from None
        handing = transfers(member, members, settings.sub_agents.max_handoffs)
        team[member.name] = replace(own, tools={**own.tools, **handing}, handoffs=member.handoffs)
    first = next(iter(team.values()))
    return replace(first, team=team)


def _checked_parts(
    checked: AgentSettings, settings: Settings, *, from_host: bool
) -> tuple[Mapping[str, Tool], tuple[ServerSpec, ...], AnswerType | None, Hooks]:
    """Return the tools, servers, answer type and hooks. Raises InvalidAgentConfig with the faults, also of routes."""
    faults: list[Fault] = []
    tools: Mapping[str, Tool] = {}
    servers: tuple[ServerSpec, ...] = ()
    answer: AnswerType | None = None
    hooks = NO_HOOKS
    try:
        hooks = hooks_of(checked.owner, checked.hooks or HookSettings(), settings.hooks)
    except InvalidTool as error:
        faults += error.faults
    try:
        servers = servers_of(checked.tools, settings.mcp)
        tools = _tools(checked, settings, from_host=from_host)
    except InvalidTool as error:
        faults += error.faults
    try:
        if checked.answer_type is not None:
            answer = (AnswerType.of if from_host else AnswerType.bounded)(checked.answer_type)
    except InvalidAnswerType as invalid:
        faults.append(invalid.fault.below("answer_type"))
    faults += route_faults(checked, settings)
    if faults:
        raise InvalidAgentConfig(faults)
    return tools, servers, answer, hooks


def _tools(checked: AgentSettings, settings: Settings, *, from_host: bool) -> Mapping[str, Tool]:
    """Return the agent's tools, by name. Raises InvalidTool."""
    named = checked.tools if checked.large_results is None else [*checked.tools, READ_RESULT]
    tools = resolve(
        with_agents(named, settings.agents), partial(workspace.host_values, settings), elsewhere=names_server
    )
    for place, each in enumerate(tools.values()):
        if isinstance(each, AgentTool) and each.reference is None:  # a reference is checked as an agent of the settings
            _check_agent(each, place, settings, from_host=from_host)
    if "file_ops" in tools and tools["file_ops"].bound and (found := workspace.misplaced(settings)) is not None:
        raise InvalidTool(found)
    tools = with_larger_results(tools, large_results(checked))
    return with_defaults(tools, settings.streaming.tool_timeout / 1000, checked.on_unknown)


def _check_agent(made: AgentTool, place: int, settings: Settings, *, from_host: bool) -> None:
    """Raise InvalidTool with the faults of a sub-agent's configuration."""
    try:
        agent_config(made.agent, settings, from_host=from_host)
    except InvalidAgentConfig as invalid:
        raise InvalidTool(*(fault.below("tools", place, "agent") for fault in invalid.faults)) from None
