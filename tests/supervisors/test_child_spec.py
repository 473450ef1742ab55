"""ChildSpec, and the values it refuses. Erlang: supervisor_SUITE, child_specs, child_specs_map, sup_start_map."""

from itertools import product
from typing import Any

import pytest

from actors import Task
from supervisors import (
    BRUTAL_KILL,
    INFINITY,
    AutoShutdown,
    ChildSpec,
    ChildType,
    DynamicSupervisor,
    InvalidChildSpec,
    RestartType,
    Supervisor,
    check_childspecs,
)
from supervisors.child_spec import ShutdownTime
from tests.supervisors.troupe import Worker

PERMANENT, TRANSIENT, TEMPORARY = RestartType


def refused(*args: Any, **options: Any) -> InvalidChildSpec:
    with pytest.raises(InvalidChildSpec) as caught:
        ChildSpec(*args, **options)
    return caught.value


@pytest.mark.parametrize(
    ("args", "options", "atom"),
    [
        ((None, Worker), {}, "missing_id"),
        (([], Worker), {}, "invalid_id"),
        (("child", None), {}, "missing_start"),
        (("child", "Worker"), {}, "invalid_mfa"),
        (("child", len), {"name": "child"}, "invalid_name"),
        (("child", Worker), {"restart": "always"}, "invalid_restart_type"),
        (("child", Worker), {"significant": "yes"}, "invalid_significant"),
        (("child", Worker), {"significant": True}, "bad_combination"),
        (("child", Worker), {"type": "manager"}, "invalid_child_type"),
        (("child", Worker), {"shutdown": -1}, "invalid_shutdown"),
        (("child", Worker), {"shutdown": "brutal_kill"}, "invalid_shutdown"),
        (("child", Worker), {"shutdown": float("inf")}, "invalid_shutdown"),
    ],
)
def test_child_specs_refuses_each_bad_field_by_its_name(
    args: tuple[Any, ...], options: dict[str, Any], atom: str
) -> None:
    assert refused(*args, **options).atom == atom


def test_child_specs_map_names_the_first_fault() -> None:
    assert refused(None, None, restart="always").atom == "missing_id"
    assert refused("child", None, restart="always").atom == "missing_start"
    assert refused("child", Worker, restart="always", shutdown=-1).atom == "invalid_restart_type"
    assert refused("child", Worker, significant=True, type="manager").atom == "bad_combination"
    assert refused("child", Worker, type="manager", shutdown=-1).atom == "invalid_child_type"


def test_a_refusal_has_the_expected_and_the_given_value() -> None:
    assert str(refused("child", Worker, restart="always")) == "expected permanent, transient or temporary, got 'always'"


@pytest.mark.parametrize("auto_shutdown", AutoShutdown)
def test_child_specs_map_accepts_every_legal_combination(auto_shutdown: AutoShutdown) -> None:
    shutdowns: list[ShutdownTime] = [BRUTAL_KILL, INFINITY, 0, 1.5]
    for restart, shutdown, kind, significant in product(RestartType, shutdowns, ChildType, [False, True]):
        if significant and restart == PERMANENT:
            continue
        spec = ChildSpec("child", Worker, restart=restart, shutdown=shutdown, type=kind, significant=significant)
        if significant and auto_shutdown == AutoShutdown.NEVER:
            with pytest.raises(InvalidChildSpec) as caught:
                check_childspecs([spec], auto_shutdown)
            assert caught.value.atom == "bad_combination"
        else:
            assert check_childspecs([spec], auto_shutdown) == (spec,)


def test_child_specs_refuses_the_same_id_twice() -> None:
    with pytest.raises(InvalidChildSpec) as caught:
        check_childspecs([ChildSpec("child", Worker), ChildSpec("other", Worker), ChildSpec("child", Worker)])
    assert (caught.value.atom, caught.value.value) == ("duplicate_child_name", "child")


@pytest.mark.parametrize(
    ("specs", "atom"), [(["child"], "invalid_child_spec"), (7, "badarg"), (ChildSpec("child", Worker), "badarg")]
)
def test_child_specs_refuses_values_other_than_a_sequence_of_specs(specs: Any, atom: str) -> None:
    with pytest.raises(InvalidChildSpec) as caught:
        check_childspecs(specs)
    assert caught.value.atom == atom


@pytest.mark.parametrize(
    ("start", "kind", "shutdown"),
    [
        (Worker, ChildType.WORKER, 5.0),
        (Task, ChildType.WORKER, 5.0),
        (len, ChildType.WORKER, 5.0),
        (Supervisor, ChildType.SUPERVISOR, INFINITY),
        (DynamicSupervisor, ChildType.SUPERVISOR, INFINITY),
    ],
)
def test_sup_start_map_fills_in_the_defaults(start: Any, kind: ChildType, shutdown: Any) -> None:
    spec = ChildSpec("child", start)
    assert (spec.restart, spec.significant, spec.type, spec.shutdown) == (PERMANENT, False, kind, shutdown)


def test_a_spec_never_shows_its_args() -> None:
    assert "hunter2" not in repr(ChildSpec("child", Worker, "hunter2"))


def test_a_spec_without_args_is_otherwise_the_same() -> None:
    spec = ChildSpec("child", Worker, 1, restart=TEMPORARY, significant=True, shutdown=3, name="n")
    bare = spec.with_args()
    assert bare == ChildSpec("child", Worker, restart=TEMPORARY, significant=True, shutdown=3, name="n")
