"""The faults of lists, of names and of the code that a configuration names: each has its own line."""

from pathlib import Path

from tests.agents.cli.forked import understudy
from tests.agents.cli.terminal import environment
from tests.agents.configuration.conftest import Refusal


def test_an_entry_that_is_not_a_section_hides_no_fault_of_the_others(refusal: Refusal) -> None:
    entries = """[{agents, [{budgets, [
  ann,
  #{owner => "a b", cost => 5},
  #{cost => 5},
  #{owner => "ann", cost => -1}]}]},
 {understudy, [{agents, [writer, [{model, "m"}, {max_queue, 0}]]}, {schedules, [{name, "n"}, [{every, 0}]]}]}]."""
    expected = "expected a section: [{key, value}, ...] or #{key => value}, got"
    assert refusal(entries) == [
        f"sys.config:2:3: budgets[0]: {expected} ann",
        'sys.config:3:14: budgets[1].owner: expected a user\'s name, or * for each user, or undefined, got "a b"',
        "sys.config:4:3: budgets[2]: expected exactly one of owner, agent, session, turn, got none",
        "sys.config:5:29: budgets[3].cost: expected a number above 0, or undefined, got -1",
        f"sys.config:6:26: agents[0]: {expected} writer",
        "sys.config:6:34: agents[1]: expected an id or a name, got neither",
        f"sys.config:6:81: schedules[0]: {expected} a tuple",
        "sys.config:6:94: schedules[1].name: expected an id: 1 to 128 of A-Z a-z 0-9 . _ ~ -, got nothing",
        "sys.config:6:94: schedules[1].agent: expected an id: 1 to 128 of A-Z a-z 0-9 . _ ~ -, got nothing",
        "sys.config:6:94: schedules[1].message: expected text that is not empty, got nothing",
        "sys.config:6:103: schedules[1].every: expected a number from 1, in s, or undefined, got 0",
    ]


def test_a_faulty_name_in_a_map_is_a_fault(refusal: Refusal) -> None:
    assert refusal('[{agents, [{hooks, #{"a b" => [], "*" => [{timeout, 0}]}}]}].') == [
        "sys.config:1:31: hooks.a b: expected a user's name, or * for each user, got 'a b'",
        "sys.config:1:53: hooks.*.timeout: expected a whole number above 0, in ms, got 0",
    ]


def test_a_list_of_hooks_is_named_as_one(refusal: Refusal) -> None:
    (fault,) = refusal('[{agents, [{hooks, #{"*" => [{after_model, 5}]}}]}].')
    assert fault.endswith('hooks.*.after_model: expected a list; of each: "module:function", got 5')


def test_a_single_choice_is_named_as_it_is(refusal: Refusal) -> None:
    (fault,) = refusal('[{agents, [{budgets, [#{turn => "one", cost => 1}]}]}].')
    assert fault.endswith('turn: expected *, or undefined, got "one"')


async def test_a_command_that_needs_only_the_store_imports_no_code_of_agents(tmp_path: Path) -> None:
    file = tmp_path / "sys.config"
    file.write_text(
        """[{agents, [{model, m}, {hooks, #{"*" => [{before_tool, ["none:f"]}]}}]},
 {understudy, [{daemon, [{state_dir, "state"}]}, {agents, [[{name, a}, {tools, ["none:f"]}]]}]}]."""
    )
    listed = await understudy("sessions", "list", "--config", str(file), env=environment(HOME=str(tmp_path)))
    assert (listed.code, listed.err) == (4, f"understudy: no store exists at {tmp_path}/state/sessions.db\n")
    checked = await understudy("config", "check", str(file))
    assert (checked.code, checked.err.count("\n")) == (2, 1)
