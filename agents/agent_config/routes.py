"""The routes of an agent: its model, then its fallbacks, each with its provider's address, key and price."""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from pydantic import SecretStr

from agents.agent_config.charging import budgets_of
from agents.core.context import ContextStrategy
from agents.core.faults import Fault, KeyPath
from agents.core.limits import Price
from agents.core.parts import EVERY_KIND
from agents.core.policy import Candidate
from agents.extras import MissingExtra
from agents.llm.aws import REGIONS, Aws, require_botocore
from agents.llm.call import Route
from agents.llm.endpoint import Api, Endpoint
from agents.settings import NamedProvider, PartKind, Settings
from agents.settings.agent import AgentSettings, Fallback
from agents.settings.aws import AwsSettings
from agents.settings.headers import pairs_of
from agents.settings.secret import key_of

UNNAMED = NamedProvider()
LONGEST_CACHE_KEY = 64  # characters, at OpenAI and Azure


class ProviderAddress(Struct, frozen=True):
    """An address, and the keys that belong to it. None: not given."""

    base_url: str | None = None
    headers: Mapping[str, SecretStr] | None = None
    query: Mapping[str, SecretStr] | None = None
    api_version: str | None = None
    aws: AwsSettings | None = None

    def over(self, below: "ProviderAddress") -> "ProviderAddress":
        """Return this address with the missing keys of the one below. Another base_url or aws gets none of them."""
        if self.base_url is not None or self.aws is not None:
            return self
        return ProviderAddress(
            below.base_url,
            below.headers if self.headers is None else self.headers,
            below.query if self.query is None else self.query,
            below.api_version if self.api_version is None else self.api_version,
            below.aws,
        )


class ModelChoice(Struct, frozen=True):
    """A model to ask. The fields are those of Fallback, which has checked them."""

    provider: str | None = None
    model: str | None = None
    api_preference: Api | None = None
    address: ProviderAddress = ProviderAddress()
    api_key: SecretStr | None = None
    model_options: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    accepts: list[PartKind] | None = None


def routes(agent: AgentSettings, settings: Settings) -> Iterator[tuple[Route, Candidate]]:
    """Yield the routes in the order in which they are tried. The settings must have no route_faults."""
    for each in _asked(agent, settings):
        model = _model(each, agent, settings) or ""
        route = Route(
            endpoint_of(each, model, settings),
            model,
            each.api_preference or agent.api_preference,
            agent.model_options if each.model_options is None else each.model_options,
            each.reasoning_effort or agent.reasoning_effort,
            _cache_key(agent.id) if _has_cache_key(each, settings) else None,
            _kinds(agent.accepts if each.accepts is None else each.accepts),
        )
        price = _price(each, model, settings)
        where = f"{model} at {route.endpoint.address}"
        yield route, Candidate(price, where, model)


def summary_route(agent: AgentSettings, settings: Settings) -> Route:
    """Return the route that writes summaries, at the agent's provider. The settings must have no route_faults.

    It has none of the agent's request options: another model may refuse them.
    """
    chosen = _summary_choice(agent, settings)
    model = _model(chosen, agent, settings) or ""
    return Route(endpoint_of(chosen, model, settings), model, agent.api_preference)


def summary_candidate(agent: AgentSettings, settings: Settings) -> Candidate:
    """Return the model that writes summaries, with its price."""
    chosen = _summary_choice(agent, settings)
    model = _model(chosen, agent, settings) or ""
    return Candidate(_price(chosen, model, settings), name=model)


def _summary_choice(agent: AgentSettings, settings: Settings) -> ModelChoice:
    own = _asked(agent, settings)[0]
    return own if agent.context.model is None else replace(own, model=agent.context.model)


def endpoint_of(asked: ModelChoice, model: str, settings: Settings) -> Endpoint:
    """Return the endpoint of a choice whose provider the settings have. model: its name, for Azure."""
    provider = _provider(asked, settings)
    address, key = _address(asked, provider, settings), _key(asked, provider, settings)
    aws = None if address.aws is None else Aws(address.aws.region, address.aws.profile)
    return Endpoint(
        address.base_url or (None if aws is None else aws.url),
        key_of(key or None),
        pairs_of(address.headers),
        pairs_of(address.query),
        address.api_version,
        deployment="" if address.api_version is None else model,
        aws=None if key else aws,
    )


def _key(asked: ModelChoice, provider: NamedProvider, settings: Settings) -> SecretStr | None:
    """Return the key of the first level that has one. A level with aws hides the keys of those below."""
    if asked.api_key or asked.address.aws:
        return asked.api_key
    return provider.api_key or (None if provider.aws else settings.api_key)


def _address(asked: ModelChoice, provider: NamedProvider, settings: Settings) -> ProviderAddress:
    home = ProviderAddress(provider.base_url, provider.headers, provider.query, provider.api_version, provider.aws)
    return asked.address.over(home).over(
        ProviderAddress(settings.base_url, settings.headers, settings.query, settings.api_version, settings.aws)
    )


def _has_cache_key(asked: ModelChoice, settings: Settings) -> bool:
    provider = _provider(asked, settings)
    return settings.prompt_cache_key if provider.prompt_cache_key is None else provider.prompt_cache_key


def _cache_key(session: str) -> str:
    """Return the session's id, or a hash of it if providers would refuse it as too long."""
    return session if len(session) <= LONGEST_CACHE_KEY else blake2b(session.encode(), digest_size=32).hexdigest()


def route_faults(agent: AgentSettings, settings: Settings) -> Iterator[Fault]:
    """Yield the faults that prevent a model call of the agent."""
    unknown = [(path, each) for path, each in _choices(agent) if _unknown(each.provider, settings)]
    for path, each in unknown:
        known = ", ".join(settings.providers.named) or "none is named"
        yield Fault((*path, "provider"), f"one of the settings' providers ({known})", repr(each.provider))
    if unknown:
        return
    summaries = (_summary_choice(agent, settings),) if agent.context.strategy is ContextStrategy.SUMMARISE else ()
    for choice in (*_asked(agent, settings), *summaries):
        if (aws := endpoint_of(choice, "", settings).aws) is not None:
            yield from _signing_faults(aws)
        model = _model(choice, agent, settings)
        if model is None:
            yield Fault(("model",), "the name of a model", "none (here or in the settings)")
            return
        if _price(choice, model, settings) is None:
            if agent.limits.cost is not None:
                yield Fault(("limits", "cost"), f"a price of {model!r} in the settings", "none")
            if any(not budget.tokens for budget in budgets_of(agent, settings)):
                yield Fault(("model",), f"a price of {model!r} in the settings, since a budget limits its cost", "none")


def _signing_faults(aws: Aws) -> Iterator[Fault]:
    """Yield the faults that prevent every signature."""
    if aws.region is None:
        yield Fault(("aws", "region"), f"a region of AWS, here or in {REGIONS[0]}", "none")
    try:
        require_botocore()
    except MissingExtra as missing:
        needed = f"{missing.name}, which finds credentials of AWS, to be installed"
        yield Fault(("aws",), needed, f"none: {missing.command}")


def _choices(agent: AgentSettings) -> Iterator[tuple[KeyPath, AgentSettings | Fallback]]:
    """Yield the agent and its own fallbacks, each with its path."""
    yield (), agent
    for number, fallback in enumerate(agent.fallbacks or ()):
        yield ("fallbacks", number), fallback


def _asked(agent: AgentSettings, settings: Settings) -> tuple[ModelChoice, ...]:
    """Return the agent's own choice and its fallbacks, each with its provider."""
    order = settings.providers.order
    has_address = agent.base_url is not None or agent.aws is not None
    provider = agent.provider or (order[0] if order and not has_address else None)
    address = ProviderAddress(agent.base_url, agent.headers, agent.query, agent.api_version, agent.aws)
    own = ModelChoice(provider, agent.model, address=address, api_key=agent.api_key)
    if agent.fallbacks is None:
        others = tuple(ModelChoice(name) for name in order if name != provider)
        return (own, *others) if provider is not None else (own,)
    return (own, *(_at_home(each, own) for each in agent.fallbacks))


def _at_home(fallback: Fallback, own: ModelChoice) -> ModelChoice:
    """Return the fallback; without a provider, its missing keys get the agent's values."""
    home = own if fallback.provider is None else ModelChoice(fallback.provider)
    own_address = ProviderAddress(
        fallback.base_url, fallback.headers, fallback.query, fallback.api_version, fallback.aws
    )
    return ModelChoice(
        home.provider,
        fallback.model or home.model,
        fallback.api_preference,
        own_address.over(home.address),
        fallback.api_key or (None if fallback.aws else home.api_key),
        fallback.model_options,
        fallback.reasoning_effort,
        fallback.accepts,
    )


def _kinds(accepts: list[PartKind] | None) -> frozenset[str]:
    return EVERY_KIND if accepts is None else frozenset(kind.value for kind in accepts)


def _provider(asked: ModelChoice, settings: Settings) -> NamedProvider:
    return UNNAMED if asked.provider is None else settings.providers.named[asked.provider]


def _model(asked: ModelChoice, agent: AgentSettings, settings: Settings) -> str | None:
    return asked.model or _provider(asked, settings).model or agent.model or settings.model


def _price(asked: ModelChoice, model: str, settings: Settings) -> Price | None:
    price = _provider(asked, settings).prices.get(model) or settings.prices.get(model)
    return None if price is None else Price(price.input, price.output, price.cached_input)


def _unknown(name: str | None, settings: Settings) -> bool:
    return name is not None and name not in settings.providers.named
