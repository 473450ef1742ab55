"""Flags, and the values they refuse. Erlang: supervisor_SUITE, sup_flags."""

from typing import Any

import pytest

from supervisors import AutoShutdown, DynamicFlags, Flags, InvalidFlags, Strategy


@pytest.mark.parametrize(
    ("options", "atom"),
    [
        ({"strategy": "one_for_two"}, "invalid_strategy"),
        ({"strategy": "simple_one_for_one"}, "invalid_strategy"),
        ({"intensity": -1}, "invalid_intensity"),
        ({"intensity": 1.0}, "invalid_intensity"),
        ({"intensity": True}, "invalid_intensity"),
        ({"period_s": 0}, "invalid_period"),
        ({"period_s": float("inf")}, "invalid_period"),
        ({"period_s": float("nan")}, "invalid_period"),
        ({"auto_shutdown": "sometimes"}, "invalid_auto_shutdown"),
    ],
)
def test_sup_flags_refuses_each_bad_flag_by_its_name(options: dict[str, Any], atom: str) -> None:
    with pytest.raises(InvalidFlags) as caught:
        Flags(**options)
    assert caught.value.atom == atom


def test_sup_flags_names_the_first_fault() -> None:
    with pytest.raises(InvalidFlags) as caught:
        Flags(strategy="x", intensity=-1)  # type: ignore[arg-type]
    assert str(caught.value) == "expected one_for_one, one_for_all or rest_for_one, got 'x'"


def test_the_defaults_are_otps() -> None:
    assert Flags() == Flags(Strategy.ONE_FOR_ONE, intensity=1, period_s=5.0, auto_shutdown=AutoShutdown.NEVER)


def test_a_flag_may_be_given_as_its_text() -> None:
    flags = Flags(strategy="rest_for_one")  # type: ignore[arg-type]
    assert flags == Flags(Strategy.REST_FOR_ONE)


@pytest.mark.parametrize("limit", [-1, 1.5, "10"])
def test_a_dynamic_supervisor_refuses_an_invalid_limit(limit: Any) -> None:
    with pytest.raises(InvalidFlags) as caught:
        DynamicFlags(max_children=limit)
    assert caught.value.atom == "invalid_max_children"


def test_a_dynamic_supervisor_refuses_a_per_child_that_is_not_a_bool() -> None:
    with pytest.raises(InvalidFlags, match="expected per_child to be True or False, got 'yes'"):
        DynamicFlags(per_child="yes")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "atom"),
    [
        ({"backoff_s": -1.0, "per_child": True}, "invalid_backoff_s"),
        ({"max_backoff_s": float("inf"), "per_child": True}, "invalid_max_backoff_s"),
        ({"holds": "yes", "per_child": True}, "invalid_holds"),
        ({"backoff_s": 1.0}, "bad_combination"),
        ({"holds": True}, "bad_combination"),
    ],
)
def test_a_backoff_and_a_hold_are_of_each_child(wrong: Any, atom: str) -> None:
    with pytest.raises(InvalidFlags) as caught:
        DynamicFlags(**wrong)
    assert caught.value.atom == atom


def test_significant_simple_auto_shutdown_has_no_place_in_dynamic_flags() -> None:
    assert not hasattr(DynamicFlags(), "auto_shutdown")
