"""The hooks of an agent: from the names in its settings to Hook values."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from msgspec import Struct

from agents.core.faults import Fault
from agents.hooks.hook import Hook, hook
from agents.hooks.points import POINTS
from agents.settings.hooks import ALL, HookSettings
from agents.tools.errors import InvalidTool
from agents.tools.importing import found_at


class Hooks(Struct, frozen=True):
    """The hooks of an agent at each point, in their order. hold_answer: as in HookSettings."""

    before_model: tuple[Hook, ...] = ()
    after_model: tuple[Hook, ...] = ()
    before_tool: tuple[Hook, ...] = ()
    after_tool: tuple[Hook, ...] = ()
    hold_answer: bool = False

    def then(self, other: "Hooks") -> "Hooks":
        """Return these hooks, and after them those of the other that are not among these."""
        points = {point: (*getattr(self, point), *getattr(other, point)) for point in POINTS}
        both = {point: tuple(dict.fromkeys(hooks)) for point, hooks in points.items()}
        return Hooks(**both, hold_answer=self.hold_answer or other.hold_answer)


NO_HOOKS: Final = Hooks()


def hooks_of(owner: str | None, own: HookSettings, settings: Mapping[str, HookSettings]) -> Hooks:
    """Return the hooks that hold for an agent: those of all agents, those of its owner, then its own.

    settings: by owner. Raises InvalidTool with every fault.
    """
    faults: list[Fault] = []
    hooks = NO_HOOKS
    for name in filter(None, (ALL, owner)):
        if name in settings:
            found, wrong = _resolved(settings[name])
            hooks = hooks.then(found)
            faults += (fault.below("hooks").within(f"agents.hooks {name}") for fault in wrong)
    found, wrong = _resolved(own)
    hooks = hooks.then(found)
    faults += (fault.below("hooks") for fault in wrong)
    if faults:
        raise InvalidTool(*faults)
    return hooks


def faults_of_owners(settings: Mapping[str, HookSettings]) -> Iterator[Fault]:
    """Yield the faults of the hooks of owners, each at its owner, its point and its place. Their modules are imported.

    settings: as in `hooks_of`.
    """
    for name, given in settings.items():
        yield from (fault.below(name) for fault in _resolved(given)[1])


def named_in(settings: HookSettings) -> Iterator[Any]:
    """Yield the entries of all points."""
    for named in _by_point(settings).values():
        yield from named


def usable(named: Iterable[Any]) -> Iterator[Hook]:
    """Return the valid hooks of these entries. `hooks_of` reports the others."""
    for each in named:
        try:
            yield _hook(each)
        except InvalidTool:
            continue


def _resolved(given: HookSettings) -> tuple[Hooks, list[Fault]]:
    """Return the valid hooks, and the faults of the others, each at its point and its place."""
    faults: list[Fault] = []
    points: dict[str, tuple[Hook, ...]] = {}
    for point, entries in _by_point(given).items():
        found: list[Hook] = []
        for place, named in enumerate(entries):
            try:
                found.append(_hook_at(point, named, given))
            except InvalidTool as invalid:
                faults += (fault.below(point, place) for fault in invalid.faults)
        points[point] = tuple(found)
    return Hooks(**points, hold_answer=given.hold_answer), faults


def _by_point(given: HookSettings) -> dict[str, list[Any]]:
    return {
        "before_model": given.before_model,
        "after_model": given.after_model,
        "before_tool": given.before_tool,
        "after_tool": given.after_tool,
    }


def _hook_at(point: str, named: Any, given: HookSettings) -> Hook:
    """Return a hook of this point, with the defaults of its settings. Raises InvalidTool."""
    found = _hook(named)
    if found.point is not POINTS[point]:
        expected, got = POINTS[point].__name__, found.point.__name__
        raise InvalidTool(Fault((), f"a hook of {expected}", f"{found.name}, which is one of {got}"))
    if missing := found.unbound():
        raise InvalidTool(Fault((), f"the host to bind {', '.join(missing)}", "nothing", inside=found.name))
    timeout_s = given.timeout / 1000 if found.timeout_s is None else found.timeout_s
    return replace(found, timeout_s=timeout_s, on_failure=found.on_failure or given.on_failure.value)


def _hook(named: Any) -> Hook:
    match named:
        case Hook():
            return named
        case str() if ":" in named:
            found = found_at(named)
            return found if isinstance(found, Hook) else hook(found)
        case _ if callable(named):
            return hook(named)
    raise InvalidTool(Fault((), "module:function or a function", repr(named)[:80]))
