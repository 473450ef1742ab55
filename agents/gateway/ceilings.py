"""The host's ceilings for agents that clients start. A client can lower an agent's limits, but never raise them.

Each key of an agent is in one of three tables: `ceilings`, FREE (set by the client) or HOST_ONLY.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from agents.core.faults import Fault
from agents.settings import ClientLimits
from agents.settings.agent import AgentSettings, StreamingConfig

Path: TypeAlias = tuple[str, ...]
Ceilings: TypeAlias = Mapping[Path, int | float | None]

FREE: Final[frozenset[Path]] = frozenset(
    {
        *(("id",), ("name",), ("system_prompt",), ("tools",), ("api_preference",), ("stream",), ("when_busy",)),
        *(("answer_type",), ("owner",), ("accepts",), ("model",), ("model_options",), ("description",)),
        *(("streaming_config", "parallel_tools"), ("streaming_config", "retry_after_output")),
        *(("context", "max_tokens"), ("context", "reserve"), ("context", "strategy"), ("context", "keep_turns")),
        *(("context", "model"), ("loops", "tell"), ("loops", "ask"), ("loops", "stop"), ("loops", "exempt")),
    }
)
"""Keys that the client sets. `_not_allowed` checks models and model_options. `bounded_schema` checks answer_type."""
PATIENCE: Final[Path] = ("streaming_config", "chunk_timeout")
"""A key with both a ceiling and a floor. Most healthy answers would miss a deadline that is too short."""

HOST_ONLY: Final[frozenset[Path]] = frozenset(
    {
        ("provider",),
        ("base_url",),
        ("api_key",),
        ("headers",),
        ("query",),
        ("api_version",),
        ("aws",),
        ("reasoning_effort",),
        ("fallbacks",),
        ("handoffs",),
        ("hooks",),
        ("large_results",),
        ("account",),
        ("on_unknown",),
        ("budget",),
    }
)


def ceilings(clients: ClientLimits, silence_ms: int) -> Ceilings:
    """Return the highest value of each key; None allows any value.

    silence_ms: the longest silence that the host allows a provider.
    """
    limits = clients.limits
    return {
        ("max_queue",): clients.max_queue,
        ("max_steering",): clients.max_steering,
        ("answer_retries",): clients.answer_retries,
        ("streaming_config", "max_retries"): clients.max_retries,
        PATIENCE: silence_ms,
        ("limits", "model_calls"): limits.model_calls,
        ("limits", "tool_calls"): limits.tool_calls,
        ("limits", "tokens"): limits.tokens,
        ("limits", "cost"): limits.cost,
        ("limits", "time"): limits.time,
    }


def within(given: Mapping[str, Any], clients: ClientLimits, silence_ms: int) -> tuple[dict[str, Any], list[Fault]]:
    """Return the configuration of a client's agent, and a fault for each value that the host does not allow.

    A key that the client does not set gets its usual default, or the ceiling if that is lower.
    """
    config, faults = dict(given), list(_not_allowed(given, clients, silence_ms))
    defaults = AgentSettings(streaming_config=StreamingConfig(chunk_timeout=silence_ms)).model_dump()
    for path, ceiling in ceilings(clients, silence_ms).items():
        asked, default = _at(given, path), _at(defaults, path)
        if ceiling is None:
            continue
        if asked is None and (default is None or default > ceiling):
            _put(config, path, ceiling)
        elif asked is not None and asked > ceiling:
            faults.append(Fault(path, f"at most {ceiling}, which is the host's ceiling", str(asked)))
    return config, faults


def _not_allowed(given: Mapping[str, Any], clients: ClientLimits, silence_ms: int) -> Iterator[Fault]:
    for path in (("model",), ("context", "model")):
        model = _at(given, path)
        if model is not None and clients.models is not None and model not in clients.models:
            yield Fault(path, f"one of {', '.join(clients.models)}", repr(model[:80]))
    patience, least = _at(given, PATIENCE), min(clients.min_chunk_timeout, silence_ms)
    if patience is not None and patience < least:
        yield Fault(PATIENCE, f"at least {least}, which is the host's floor", str(patience))
    for key in given.get("model_options") or ():
        if key not in clients.model_options:
            yield Fault(("model_options",), f"keys of {', '.join(clients.model_options)}", repr(key[:80]))


def _at(section: Any, path: Path) -> Any:
    for key in path:
        section = None if section is None else section.get(key)
    return section


def _put(config: dict[str, Any], path: Path, value: Any) -> None:
    *above, key = path
    for name in above:
        config[name] = dict(config.get(name) or {})
        config = config[name]
    config[key] = value
