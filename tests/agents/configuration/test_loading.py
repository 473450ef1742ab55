"""Settings from all sources: their precedence, and faults, which are all reported together."""

import os
from pathlib import Path
from typing import Any

import pytest

from agents.configuration import InvalidConfiguration, load
from agents.configuration.showing import rows
from agents.configuration.walking import secrets_of
from agents.llm.endpoint import Api
from agents.settings import Durability, ModelPrice
from agents.settings.agent import WhenBusy
from tests.agents.configuration.conftest import Loader, Refusal


def understudy(parameters: str) -> str:
    return f"[{{understudy, [{parameters}]}}]."


def agents(parameters: str) -> str:
    return f"[{{agents, [{parameters}]}}]."


# Values


@pytest.mark.parametrize(
    "section",
    [
        '[{port, 1}, {host, <<"::1">>}, {allowed_hosts, ["a", <<"b">>, c]}]',
        '#{port => 1, host => "::1", allowed_hosts => [a, b, c]}',
        '#{<<"port">> => 1, "host" => \'::1\', allowed_hosts => [a, b, c]}',
    ],
)
def test_a_section_is_a_proplist_or_a_map_and_text_any_kind_of_text(loading: Loader, section: str) -> None:
    gateway = loading(understudy(f"{{gateway, {section}}}")).settings.gateway
    assert (gateway.port, gateway.host, gateway.allowed_hosts) == (1, "::1", ("a", "b", "c"))


def test_a_bare_atom_of_a_proplist_is_true_and_undefined_is_no_value(loading: Loader) -> None:
    settings = loading(
        agents("{model, undefined}, {streaming, [debug_streaming, {first_byte_timeout, undefined}]}")
    ).settings
    assert settings.streaming.debug_streaming
    assert settings.streaming.first_byte_timeout is None
    assert settings.model is None


def test_choices_prices_and_numbers_are_read(loading: Loader) -> None:
    settings = loading("""
        [{agents, [{prices, #{"gpt-4.1" => #{input => 2, output => 8.5}}}]},
         {understudy, [{sessions, [{durability, "sync"}]}, {supervision, #{understudy => [{period, 1.5}]}}]}].
    """).settings
    assert settings.prices == {"gpt-4.1": ModelPrice(input=2, output=8.5)}
    assert settings.sessions.durability is Durability.SYNC
    assert settings.supervision.understudy.period == 1.5
    assert settings.supervision.understudy.intensity == 1


AGENT = """
#{name => <<"Writer">>, model => 'gpt-4o', system_prompt => "Be " "brief.",
  tools => [calculator, "tests.agents.sample_tools:shout"],
  api_preference => responses, when_busy => steer, limits => [{time, undefined}, {cost, 0.5}],
  streaming_config => #{chunk_timeout => 45000, parallel_tools => false, max_retries => 3},
  model_options => #{temperature => 0.5, stop => ["a", <<"b">>], nested => [{seed, 1}, {logprobs, true}], none => null},
  fallbacks => [#{model => "gpt-4o-mini"}]}
"""


def test_an_agent_of_a_file_has_all_the_keys_of_start_agent(loading: Loader) -> None:
    prices = "{prices, [{'gpt-4o', [{input, 1}, {output, 1}]}, {'gpt-4o-mini', [{input, 1}, {output, 1}]}]}"
    text = f"[{{agents, [{prices}]}}, {{understudy, [{{agents, [{AGENT}]}}]}}]."
    (agent,) = loading(text).settings.agents
    assert (agent.id, agent.name, agent.model, agent.system_prompt) == ("Writer", "Writer", "gpt-4o", "Be brief.")
    assert agent.tools == ["calculator", "tests.agents.sample_tools:shout"]
    assert (agent.api_preference, agent.when_busy) == (Api.RESPONSES, WhenBusy.STEER)
    assert (agent.limits.time, agent.limits.cost) == (None, 0.5)
    assert agent.streaming_config.chunk_timeout == 45_000
    assert agent.model_options == {
        "temperature": 0.5,
        "stop": ["a", "b"],
        "nested": {"seed": 1, "logprobs": True},
        "none": None,
    }
    assert "max_queue" not in agent.given()


# Faults


def test_all_faults_are_reported_together_each_with_its_place_and_key(refusal: Refusal) -> None:
    assert refusal("""[
{agents, [
  {model, ""},
  {base_url, "ftp://x"},
  {prices, #{m => #{input => -1}}},
  {streaming, [{timeout, 0}, {bufer_size, 1}, {max_tool_calls, many}, {tool_timeout, 1.5}]},
  {tools, [{workers, 257}, {file_ops_root, x}]},
  {providers, [{order, [a, b]}, {named, #{a => [{base_url, 1}]}}]}
]},
{understudy, [
  {gateway, [{port, 65536}, {allow_remote, yes}, {allowed_hosts, "a"}]},
  {logging, [{level, loud}, {level, info}, {format, {a, b}}]},
  {sessions, off},
  {agents, [[{model, "m"}], #{name => x, limits => #{tokens => 0}}, #{id => x}, #{name => y, tool => []}]},
  {supervision, [{understudy, [{period, 0}]}]}
]}].""") == [
        'sys.config:3:11: model: expected text that is not empty, or undefined, got ""',
        'sys.config:4:14: base_url: expected an address that begins with http:// or https://, or undefined, got "ftp://x"',
        "sys.config:5:19: prices.m.output: expected a number from 0, got nothing",
        "sys.config:5:30: prices.m.input: expected a number from 0, got -1",
        "sys.config:6:26: streaming.timeout: expected a whole number above 0, in ms, got 0",
        "sys.config:6:31: streaming.bufer_size: expected a known key, got bufer_size; did you mean buffer_size?",
        "sys.config:6:64: streaming.max_tool_calls: expected a whole number above 0, got many",
        "sys.config:6:86: streaming.tool_timeout: expected a whole number above 0, in ms, got 1.5",
        "sys.config:7:22: tools.workers: expected a whole number above 0 and at most 256, got 257",
        "sys.config:7:44: tools.file_ops_root: expected a path, or undefined, got x",
        "sys.config:8:28: providers.order[1]: expected one of providers.named (a), got 'b'",
        (
            "sys.config:8:60: providers.named.a.base_url: expected an address that begins with http:// or https://,"
            " or undefined, got 1"
        ),
        "sys.config:11:21: gateway.port: expected a whole number from 0 to 65535, got 65536",
        "sys.config:11:44: gateway.allow_remote: expected true or false, got yes",
        'sys.config:11:66: gateway.allowed_hosts: expected a list; of each: text, got "a"',
        "sys.config:12:22: logging.level: expected debug, info, warning or error, got loud",
        "sys.config:12:30: logging.level: expected every key once (it is at sys.config:12:15), got it again",
        "sys.config:12:53: logging.format: expected console or json, got a tuple",
        "sys.config:13:14: sessions: expected a section: [{key, value}, ...] or #{key => value}, got off",
        "sys.config:14:13: agents[0]: expected an id or a name, got neither",
        "sys.config:14:64: agents[1].limits.tokens: expected a whole number above 0, or undefined, got 0",
        "sys.config:14:77: agents[2].id: expected every id once, got 'x' again",
        "sys.config:14:94: agents[3].tool: expected a known key, got tool; did you mean tools?",
        "sys.config:15:41: supervision.understudy.period: expected a number above 0, in s, got 0",
    ]


def test_each_fault_of_one_entry_is_reported(refusal: Refusal) -> None:
    assert refusal(agents("{prices, #{m => #{cached_input => -1}, n => #{output => -1, cached_input => -1}}}")) == [
        "sys.config:1:28: prices.m.input: expected a number from 0, got nothing",
        "sys.config:1:28: prices.m.output: expected a number from 0, got nothing",
        "sys.config:1:46: prices.m.cached_input: expected a number from 0, or undefined, got -1",
        "sys.config:1:56: prices.n.input: expected a number from 0, got nothing",
        "sys.config:1:68: prices.n.output: expected a number from 0, got -1",
        "sys.config:1:88: prices.n.cached_input: expected a number from 0, or undefined, got -1",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (agents('{budgets, [[{owner, "ann"}, {cost, -1}]]}'), "1:47: budgets[0].cost: expected a number above 0"),
        (
            '[{understudy, [{schedules, [[{name, n}, {agent, a}, {cron, "99 * * * *"}, {message, m}]]}]}].',
            "1:60: schedules[0].cron: expected a cron expression",
        ),
    ],
)
def test_a_section_with_a_faulty_value_is_not_said_to_lack_that_value(refusal: Refusal, text: str, fault: str) -> None:
    (found,) = refusal(text)
    assert found.startswith(f"sys.config:{fault}")


def test_a_configuration_that_start_agent_refuses_is_a_fault_of_the_file(refusal: Refusal) -> None:
    assert refusal(
        """[{agents, [{model, undefined}]}, {understudy, [{agents, [
  [{name, a}, {tools, [calculater, "tests.agents.sample_tools:shout"]}],
  [{name, b}, {model, m}, {provider, nowhere}],
  [{name, c}, {model, m}, {limits, [{cost, 1.0}]}, {answer_type, 17}]]}]}]."""
    ) == [
        "sys.config:2:3: agents[0].model: expected the name of a model, got none (here or in the settings)",
        (
            "sys.config:2:24: agents[0].tools[0]: expected ask_user, calculator, file_ops, web_search or"
            " module:function,"
            " got 'calculater'; did you mean 'calculator'?"
        ),
        "sys.config:3:38: agents[1].provider: expected one of the settings' providers (none is named), got 'nowhere'",
        "sys.config:4:44: agents[2].limits.cost: expected a price of 'm' in the settings, got none",
        "sys.config:4:66: agents[2].answer_type: expected a JSON schema of an object, got 17",
    ]


# Precedence


def test_flags_override_the_environment_which_overrides_the_file_which_overrides_defaults(loading: Loader) -> None:
    text = understudy('{gateway, [{port, 1}, {host, "file"}, {heartbeat, 1}]}')
    environ = {"UNDERSTUDY_GATEWAY__PORT": "2", "UNDERSTUDY_GATEWAY__HOST": "environment", "OTHER": "x"}
    loaded = loading(text, environ, {"gateway.port": "3"})
    gateway = loaded.settings.gateway
    assert (gateway.port, gateway.host, gateway.heartbeat, gateway.write_timeout) == (3, "environment", 1, 10_000)
    marks = {path[-1]: str(mark.where) for path, mark in loaded.marks.items()}
    assert (marks["port"], marks["host"]) == ("--set gateway.port", "UNDERSTUDY_GATEWAY__HOST")
    assert marks["heartbeat"].endswith("sys.config:1:66")


@pytest.mark.parametrize(
    ("name", "value", "path", "expected"),
    [
        ("MODEL", "gpt-4o", "model", "gpt-4o"),
        ("MODEL", "", "model", "file"),
        ("MODEL", "undefined", "model", None),
        ("STREAMING__DEBUG_STREAMING", "true", "streaming.debug_streaming", True),
        ("SUPERVISION__AGENT_SUPERVISOR__PERIOD", "2.5", "supervision.agent_supervisor.period", 2.5),
        ("SESSIONS__DURABILITY", "sync", "sessions.durability", Durability.SYNC),
        ("GATEWAY__ALLOWED_HOSTS", '["a", b]', "gateway.allowed_hosts", ("a", "b")),
        ("PRICES", "#{m => #{input => 1, output => 1}}", "prices", {"m": ModelPrice(input=1, output=1)}),
        ("PROVIDERS__NAMED__MAIN__MODEL", "x", "providers.named.main.model", "x"),
        ("GATEWAY", "[{port, 7}]", "gateway.port", 7),
        ("DAEMON__STATE_DIR", "/srv", "daemon.state_dir", Path("/srv")),
    ],
)
def test_a_variable_sets_any_key(loading: Loader, name: str, value: str, path: str, expected: Any) -> None:
    found: Any = loading(agents('{model, "file"}'), {f"UNDERSTUDY_{name}": value}).settings
    for part in path.split("."):
        found = found[part] if isinstance(found, dict) else getattr(found, part)
    assert found == expected


def test_a_fault_inside_a_tool_or_a_schema_is_reported_with_the_key_and_its_own_words(refusal: Refusal) -> None:
    lines = refusal("""[{agents, [{model, m}]}, {understudy, [{agents, [
  [{name, a}, {tools, ["nowhere:x", "tests.agents.sample_tools:ad"]}],
  [{name, b}, {answer_type, #{type => "a, got b: expected c"}}],
  [{name, c}, {fallbacks, [[{model, x}], [{provider, none}]]}]]}]}].""")
    assert lines == [
        (
            "sys.config:2:24: agents[0].tools[0]: nowhere:x: expected a module that can be imported, "
            "got ModuleNotFoundError: No module named 'nowhere'"
        ),
        (
            "sys.config:2:37: agents[0].tools[1]: tests.agents.sample_tools:ad: "
            "expected a name in tests.agents.sample_tools, got 'ad'"
        ),
        (
            "sys.config:3:29: agents[1].answer_type: expected a JSON schema, got a fault at $.type: "
            "'a, got b: expected c' is not valid under any of the given schemas"
        ),
        (
            "sys.config:4:54: agents[2].fallbacks[1].provider: "
            "expected one of the settings' providers (none is named), got 'none'"
        ),
    ]


def test_each_hook_is_found_when_the_file_is_read_also_that_of_an_owner_without_agents(refusal: Refusal) -> None:
    lines = refusal("""[{agents, [{model, m}, {hooks, #{
  "*" => [{before_model, ["nowhere:mask"]}],
  "ann" => [{before_tool, ["tests.agents.hooks.sample_hooks:at_most_100",
    "tests.agents.hooks.sample_hooks:at_most_1OO",
    "tests.agents.hooks.sample_hooks:mask_result", mask]}]}}]},
  {understudy, [{agents, [[{name, a}, {tools, ["nowhere:x"]}]]}]}].""")
    place = "tests.agents.hooks.sample_hooks"
    assert lines == [
        (
            "sys.config:2:27: hooks.*.before_model[0]: nowhere:mask: expected a module that can be imported, "
            "got ModuleNotFoundError: No module named 'nowhere'"
        ),
        (
            f"sys.config:4:5: hooks.ann.before_tool[1]: {place}:at_most_1OO: expected a name in {place}, "
            "got 'at_most_1OO'; did you mean 'at_most_100'?"
        ),
        (
            "sys.config:5:5: hooks.ann.before_tool[2]: expected a hook of BeforeTool, "
            "got mask_result, which is one of AfterTool"
        ),
        "sys.config:5:52: hooks.ann.before_tool[3]: expected module:function or a function, got 'mask'",
    ]


def test_the_hooks_of_an_agent_are_found_when_the_file_is_read(refusal: Refusal) -> None:
    (line,) = refusal(understudy('{agents, [[{name, a}, {model, m}, {hooks, [{after_tool, ["nowhere:mask"]}]}]]}'))
    assert "agents[0].hooks.after_tool[0]: nowhere:mask: expected a module that can be imported" in line


def test_invalid_variables_and_flags_are_reported_with_the_faults_of_the_file(refusal: Refusal) -> None:
    environ = {"UNDERSTUDY_GATEWAY__PROT": "1", "UNDERSTUDY_GATEWAY__PORT": "many", "UNDERSTUDY_AGENTS": "[#{"}
    assert refusal(agents("{model, 1}"), environ, {"gateway.port.x": "1", "logging.level": "loud"}) == [
        "sys.config:1:20: model: expected text that is not empty, or undefined, got 1",
        (
            "UNDERSTUDY_AGENTS: agents: expected a list; of each: a section: [{key, value}, ...] or #{key => value},"
            " got no term"
        ),
        "UNDERSTUDY_GATEWAY__PORT: gateway.port: expected a whole number from 0 to 65535, got many",
        "UNDERSTUDY_GATEWAY__PROT: gateway.prot: expected a known key, got prot; did you mean port?",
        "--set gateway.port.x: expected a known key, got x, where no key is",
        '--set logging.level: expected debug, info, warning or error, got "loud"',
    ]


# Secrets


def test_a_secret_comes_from_the_environment_or_a_file_of_ours(loading: Loader, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("of-a-file\n")
    key.chmod(0o600)
    text = agents("""
        {api_key, {env, "KEY"}},
        {providers, [{named, #{a => #{api_key => {file, "key"}, base_url => {env, "WHERE"}}}}]}
    """)
    settings = loading(text, {"KEY": "of-the-environment", "WHERE": "https://me:pw@host"}).settings
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "of-the-environment"
    named = settings.providers.named["a"]
    assert named.api_key is not None
    assert (named.api_key.get_secret_value(), named.base_url) == ("of-a-file", "https://me:pw@host")
    given = loading(agents(""), {"UNDERSTUDY_API_KEY": "itself"}).settings.api_key
    assert given is not None
    assert given.get_secret_value() == "itself"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ('"sk-literal"', "got a literal (not shown)"),
        ("sk_literal", "got a literal (not shown)"),
        ('{key, "sk-literal"}', "got a literal (not shown)"),
        ('{env, "NO_KEY"}', "expected NO_KEY in the environment, got none"),
        ('{env, "EMPTY"}', "expected EMPTY in the environment, got an empty one"),
        ('{file, "none"}', "expected a readable file at none, got none (No such file or directory)"),
        ('{file, "."}', "got a directory"),
        ('{file, "open"}', "expected mode 0600 of open, which others could read, got 0644"),
        ('{file, "group"}', "expected mode 0600 of group, which others could read, got 0640"),
        ('{file, "empty"}', "expected a secret in empty, got an empty file"),
        ('{file, "bytes"}', "expected UTF-8 in bytes, got other bytes"),
    ],
)
def test_a_secret_that_is_not_one_is_refused_and_never_shown(
    refusal: Refusal, tmp_path: Path, reference: str, said: str
) -> None:
    for name, data, mode in [
        ("open", b"sk-literal", 0o644),
        ("group", b"sk-literal", 0o640),
        ("empty", b"\n", 0o600),
        ("bytes", b"sk-literal\xff", 0o600),
    ]:
        (tmp_path / name).write_bytes(data)
        os.chmod(tmp_path / name, mode)
    (line,) = refusal(agents(f"{{api_key, {reference}}}"), {"EMPTY": ""})
    assert line.startswith("sys.config:1:22: api_key: expected ")
    assert said in line
    assert "literal" not in line.replace("a literal (not shown)", "")


@pytest.mark.parametrize(
    "text",
    [
        understudy('{sessions, [{url, "postgresql://u:sk-x@h/d"}]}'),
        understudy('{sessions, [{url, "postgresql://h/d?user=u&password=sk-x"}]}'),
        agents('{base_url, "http://u:sk-x@h"}'),
        agents('{base_url, "http://h/v1?api-key=sk-x"}'),
        agents('{base_url, "http://h/v1?api-version=1&token=sk-x"}'),
    ],
)
def test_an_address_with_a_password_stands_by_reference(refusal: Refusal, text: str) -> None:
    (line,) = refusal(text)
    assert '{env, "NAME"} or {file, "path"}' in line
    assert "sk-x" not in line


def test_a_refused_value_shows_no_secret_of_another_source() -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        load(
            None,
            {"UNDERSTUDY_API_KEY": "sk-of-mine", "UNDERSTUDY_SESSIONS__URL": "x://u:sk-of-mine@h", "UNDERSTUDY_X": "1"},
        )
    assert "sk-of-mine" not in str(refused.value)


def test_a_key_of_a_file_follows_the_file(loading: Loader, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch(0o600)
    key.write_text("first")
    api_key = loading(agents('{api_key, {file, "key"}}')).settings.api_key
    assert api_key is not None
    assert api_key.get_secret_value() == "first"
    key.write_text("the next one")
    assert api_key.get_secret_value() == "the next one"


def test_a_header_is_given_as_it_is_or_by_reference(loading: Loader) -> None:
    text = agents("""
        {headers, #{"x-title" => "My program", "x-key" => {env, "KEY"}}},
        {providers, [{named, #{a => #{query => [{"tenant", "b"}]}}}]}
    """)
    loaded = loading(text, {"KEY": "of-the-environment"})
    headers = loaded.settings.headers
    assert headers is not None
    assert {name: value.get_secret_value() for name, value in headers.items()} == {
        "x-title": "My program",
        "x-key": "of-the-environment",
    }
    assert secrets_of(loaded.settings) == {"of-the-environment"}  # the log masks no words of a title
    shown = {row.key: row.value for row in rows(loaded)}
    assert shown["headers.x-title"] == shown["headers.x-key"] == shown["providers.named.a.query.tenant"] == "***"


@pytest.mark.parametrize(
    "literal",
    ['"x-api-key" => "abcdef"', '"authorization" => "abcdef"', '"x-app" => "sk-abcdefghij"', '"x" => "Bearer abcdef"'],
)
def test_a_header_that_looks_like_a_secret_stands_by_reference(refusal: Refusal, literal: str) -> None:
    (line,) = refusal(agents(f"{{headers, #{{{literal}}}}}"))
    assert 'expected text, or for a secret {env, "NAME"} or {file, "path"}, got a literal (not shown)' in line
    assert "abcdef" not in line


def test_a_faulty_header_is_one_line_that_names_it(refusal: Refusal) -> None:
    assert refusal(agents('{headers, #{"x y" => "1"}}')) == [
        "sys.config:1:22: headers: expected names of headers, got 'x y'"
    ]


def test_a_flag_is_seen_by_others_so_that_a_secret_stands_there_by_reference(loading: Loader, refusal: Refusal) -> None:
    key = loading(agents(""), {"KEY": "of-mine"}, {"api_key": '{env, "KEY"}'}).settings.api_key
    assert key is not None
    assert key.get_secret_value() == "of-mine"
    for literal in ("sk-of-mine", '"sk-of-mine"', "{sk-of-mine"):
        (line,) = refusal(agents(""), {}, {"api_key": literal})
        assert line.startswith("--set api_key: expected {env, ")
        assert "sk-of-mine" not in line
