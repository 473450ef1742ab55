"""Random scripts: hypothesis strategies for the language.

A script has few names, so that its steps concern the same processes: a letter for a worker, a word for a supervisor.
Most steps are legal and succeed, so that a script runs far.
"""

from collections.abc import Sequence

from hypothesis import strategies as st
from msgspec.structs import replace

from tests.supervisors.otp.script import (
    TOP,
    AutoShutdown,
    By,
    Come,
    CountChildren,
    DeleteChild,
    End,
    Exit,
    GetChildspec,
    Outcome,
    Plan,
    Reason,
    Request,
    Restart,
    RestartChild,
    Runs,
    Script,
    Shutdown,
    Spec,
    StartChild,
    StartLink,
    Step,
    Strategy,
    TerminateChild,
    Tree,
    WhichChildren,
)

WORKERS = "abcd"
DYNAMIC_WORKERS = "pq"
INNER_WORKERS = "xy"
INNER = "inner"
REASONS: list[Reason] = ["normal", "shutdown", "shutdown_why", "kill", "boom", "boom"]
RESTARTS: list[Restart] = ["permanent", "transient", "temporary"]
AUTO_SHUTDOWNS: list[AutoShutdown] = ["never", "never", "any_significant", "all_significant"]
COMES: list[Come] = ["ok", "info", "ignore", "error", "error", "error", "garbage", "crash", "taken"]
RUNS: list[Runs] = ["plain", "trapping", "trapping", "odd", "stubborn"]
BYS: list[By] = ["server", "server", "function", "function", "task"]
SHUTDOWNS: list[Shutdown] = [5000, 5000, "infinity", "brutal_kill"]
STRATEGIES: list[Strategy] = ["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"]
ACTS = ["again", "request", "request", "end", "failing", "failing", "planned", "exit"]
VERBS = {verb.__name__: verb for verb in (TerminateChild, RestartChild, DeleteChild, GetChildspec)}


@st.composite
def workers(draw: st.DrawFn, names: str, auto_shutdown: str, faults: int = 0) -> Spec:
    """Draw workers. faults: the number out of twenty that are significant although this is illegal."""
    restart = draw(st.sampled_from(RESTARTS))
    may = auto_shutdown != "never" and restart != "permanent"
    by = draw(st.sampled_from(BYS))
    runs: Runs = "plain" if by == "task" else draw(st.sampled_from(RUNS))
    return Spec(
        id=draw(st.sampled_from(names)),
        restart=restart,
        significant=draw(st.booleans() if may else st.integers(1, 20).map(lambda chance: chance > 20 - faults)),
        type=draw(st.sampled_from(["worker", "worker", "worker", "supervisor"])),
        shutdown=1 if runs == "stubborn" else draw(st.sampled_from(SHUTDOWNS)),
        runs=runs,
        by=by,
    )


@st.composite
def inner(draw: st.DrawFn, auto_shutdown: str) -> Spec:
    """Draw a supervisor that is a child."""
    restart = draw(st.sampled_from(RESTARTS))
    may = auto_shutdown != "never" and restart != "permanent"
    strategy = draw(st.sampled_from(STRATEGIES))
    tree = draw(trees(strategy, INNER_WORKERS, depth=0))
    significant = may and draw(st.booleans())
    return Spec(INNER, restart, significant, "supervisor", draw(st.sampled_from(SHUTDOWNS[:3])), tree=tree)


@st.composite
def trees(draw: st.DrawFn, strategy: Strategy, names: str = WORKERS, depth: int = 1) -> Tree:
    simple = strategy == "simple_one_for_one"
    auto_shutdown: AutoShutdown = "never" if simple else draw(st.sampled_from(AUTO_SHUTDOWNS))
    twins = draw(st.integers(0, 39)) == 39
    faulty = not twins and draw(st.integers(0, 39)) == 39  # not both: which fault is told first is not compared
    member = workers(names, auto_shutdown, faults=10 * faulty)
    if depth and not simple:
        member = st.one_of(member, member, member, inner(auto_shutdown))
    unique = None if twins else lambda spec: spec.id
    children = st.lists(member, min_size=1, max_size=1 if simple else 4, unique_by=unique)
    return Tree(strategy, draw(st.sampled_from([9, 6, 4, 3, 2, 1, 0])), auto_shutdown, tuple(draw(children)))


@st.composite
def requests(draw: st.DrawFn, children: Sequence[str], faults: int = 1) -> Request:
    """Draw requests to the supervisor that has the child, or would have it."""
    child = draw(st.sampled_from(children))
    sup = INNER if child in INNER_WORKERS else TOP
    match draw(st.sampled_from(["start", "which", "count", *VERBS, *VERBS])):
        case "start":
            legal = draw(st.sampled_from(AUTO_SHUTDOWNS))
            return StartChild(draw(inner(legal) if child == INNER else workers(child, legal, faults)), sup)
        case "which":
            return WhichChildren(sup)
        case "count":
            return CountChildren(sup)
        case verb:
            return VERBS[verb](child, sup)


@st.composite
def plans(draw: st.DrawFn, children: Sequence[str]) -> Plan:
    """Draw starts that mostly fail, with events of the supervisor meanwhile.

    No dynamic child ignores: up to OTP 26 a supervisor whose dynamic child ignores its restart crashes when it ends.
    An inner supervisor gets no events: it would handle them beside the top one, in a random order.
    """
    child = draw(st.sampled_from(children))
    may_ignore = child not in DYNAMIC_WORKERS + INNER_WORKERS
    comes = [come for come in COMES if may_ignore or come != "ignore"]
    befalls = st.one_of(requests(children, faults=0), ends(children))
    most = 0 if child in INNER_WORKERS else 3
    outcomes = st.builds(Outcome, st.sampled_from(comes), st.lists(befalls, max_size=most).map(tuple))
    return Plan(child, tuple(draw(st.lists(outcomes, min_size=1, max_size=6))))


def ends(children: Sequence[str]) -> st.SearchStrategy[End]:
    return st.builds(End, st.sampled_from(children), st.sampled_from(REASONS))


@st.composite
def failing_restarts(draw: st.DrawFn, children: Sequence[str]) -> tuple[Step, ...]:
    """Draw the end of a child after which a restart fails."""
    plan = draw(plans(children))
    child = draw(st.sampled_from([plan.child, *children]))
    return plan, End(child, draw(st.sampled_from(["boom", "kill"])))


@st.composite
def planned_starts(draw: st.DrawFn, children: Sequence[str]) -> tuple[Step, ...]:
    """Draw a request to start a child, with an event meanwhile."""
    plan = draw(plans(children))
    child, sup = plan.child, INNER if plan.child in INNER_WORKERS else TOP
    if draw(st.booleans()):
        return plan, TerminateChild(child, sup), RestartChild(child, sup)
    spec = inner("never") if child == INNER else workers(child, "never")
    return plan, TerminateChild(child, sup), DeleteChild(child, sup), StartChild(draw(spec), sup)


@st.composite
def acts(draw: st.DrawFn, tree: Tree, children: Sequence[str]) -> tuple[Step, ...]:
    """Draw one step, or several that belong together. again: restart a top supervisor that has ended."""
    match draw(st.sampled_from(ACTS)):
        case "again":
            return (StartLink(tree),)
        case "request":
            return (draw(requests(children)),)
        case "end":
            return (draw(ends(children)),)
        case "failing":
            return draw(failing_restarts(children))
        case "planned":
            return draw(planned_starts(children))
        case _:
            return (draw(st.builds(Exit, st.sampled_from(children), st.sampled_from(REASONS))),)


@st.composite
def scripts(draw: st.DrawFn, strategy: Strategy) -> Script:
    """Draw a top supervisor of the strategy, its events and its end."""
    tree = draw(trees(strategy))
    simple = strategy == "simple_one_for_one"
    children = list(DYNAMIC_WORKERS) if simple else [*_names(tree), draw(st.sampled_from(WORKERS))]
    before = (draw(plans(children)),) if draw(st.integers(0, 9)) == 9 else ()
    first = [StartChild(replace(tree.children[0], id=child)) for child in children if simple]
    steps = [step for act in draw(st.lists(acts(tree, children), min_size=4, max_size=20)) for step in act]
    killed = [Exit(TOP, draw(st.sampled_from(REASONS)))] if draw(st.integers(0, 9)) == 9 else []
    return (*before, StartLink(tree), *first, *steps, *killed, End(TOP, "shutdown"))


def _names(tree: Tree) -> list[str]:
    return [name for spec in tree.children for name in (spec.id, *(_names(spec.tree) if spec.tree else ()))]
