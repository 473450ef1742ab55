"""Several applications in a file, and included files, with OTP's precedence."""

import os
import subprocess
from pathlib import Path

import pytest

from agents.configuration import InvalidConfiguration, load
from agents.settings import Settings
from tests.agents.configuration.conftest import Loader, Refusal


def test_the_documented_place_is_read(loading: Loader) -> None:
    settings = loading("""
        [{agents, [
            {streaming, [
                {buffer_size, 8192},           % more
                {timeout, 31000}, {tool_timeout, 32000}, {max_tool_calls, 3},
                {enable_compression, true}, {debug_streaming, true}
            ]}
        ]}].
    """).settings
    streaming = settings.streaming
    assert (streaming.buffer_size, streaming.timeout, streaming.tool_timeout) == (8192, 31000, 32000)
    assert (streaming.max_tool_calls, streaming.enable_compression, streaming.debug_streaming) == (3, True, True)


def test_a_later_value_overrides_an_earlier_one_parameter_by_parameter(loading: Loader) -> None:
    settings = loading(
        """
        [{agents, [{model, "first"}, {streaming, [{timeout, 1}, {tool_timeout, 1}]}]},
         "one", "two.config",
         {understudy, [{gateway, [{port, 1}]}]},
         {understudy, [{gateway, [{port, 2}]}]}].
        """,
        one='[{agents, [{model, "second"}]}, {understudy, [{gateway, [{port, 3}]}, {logging, [{level, debug}]}]}].',
        two="[{agents, [{streaming, [{timeout, 2}]}]}].",
    ).settings
    assert settings.model == "second"
    assert (settings.streaming.timeout, settings.streaming.tool_timeout) == (2, 30_000)  # as a whole
    assert (settings.gateway.port, settings.logging.level) == (2, "debug")


def test_a_name_is_relative_to_the_file_that_it_stands_in(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "sys.config").write_text('["inner/one"].')
    (tmp_path / "inner" / "one.config").write_text('["two", {agents, [{tools, [{file_ops_root, "notes"}]}]}].')
    (tmp_path / "inner" / "two.config").write_text('[{agents, [{model, "deep"}]}].')
    loaded = load(tmp_path / "sys.config", {})
    assert loaded.settings.model == "deep"
    assert loaded.settings.tools.file_ops_root == tmp_path / "inner" / "notes"
    assert [path.name for path in loaded.files] == ["sys.config", "one.config", "two.config"]


def test_a_file_may_be_included_twice_but_not_by_itself(loading: Loader, refusal: Refusal) -> None:
    assert loading('["one", "one"].', one='[{agents, [{model, "m"}]}].').settings.model == "m"
    assert refusal('["one"].', one='["two"].', two='[\n "sys"].') == [
        "two.config:2:2: expected a file that does not include itself, got sys.config"
    ]


@pytest.mark.parametrize(
    ("key", "application"), [("schedules", "understudy"), ("sessions", "understudy"), ("budgets", "agents")]
)
def test_a_key_in_the_place_of_its_application_is_named_with_it(refusal: Refusal, key: str, application: str) -> None:
    (line,) = refusal(f"[{{{key}, []}}].")
    assert line.endswith(f"got the key {key} of {application}: write {{{application}, [{{{key}, ...}}]}}")


def test_every_fault_of_every_file_is_reported(refusal: Refusal) -> None:
    assert refusal(
        """[{agents, [{modle, "x"}, {gateway, []}]},
            {agent, []}, {agents, 3}, 17, "missing", "broken",
            {agents, [{model, "a"}, {model, "b"}]}].""",
        broken="[{agents, [}].",
    ) == [
        "broken.config:1:12: expected a term or ], got }",
        "sys.config:1:13: modle: expected a parameter of agents, got modle; did you mean model?",
        "sys.config:1:27: gateway: expected a parameter of agents, got gateway, which belongs to understudy",
        "sys.config:2:13: expected a known application, got agent; did you mean agents?",
        "sys.config:2:35: expected the parameters of agents: [{Parameter, Value}, ...], got 3",
        'sys.config:2:39: expected {Application, [{Parameter, Value}]} or "file", got 17',
        "sys.config:2:43: expected a readable file at missing.config, got none (No such file or directory)",
        "sys.config:3:38: model: expected every key once, got model again",
    ]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "sys.config: expected a readable file, got none (No such file or directory)"),
        (lambda path: path.mkdir(), "got a directory"),
        (lambda path: os.mkfifo(path), "got something else than a regular file"),
        (lambda path: path.write_bytes(b" " * (2**20 + 1)), "got more than 1048576 bytes"),
        (lambda path: path.write_bytes(b""), "1:1: expected a term, got the end of the file"),
        (lambda path: path.write_bytes(b"[\n'\xff']."), "2:2: expected UTF-8, got the byte 0xff"),
        (lambda path: path.write_bytes(b"ok."), "expected a list: [{Application, [...]}, ...]., got ok"),
        (lambda path: path.write_bytes(os.urandom(2**20)), "expected"),
        (lambda path: path.write_bytes(b"[" * 2**20), "expected at most 64 levels of nesting, got more"),
    ],
)
def test_an_invalid_file_of_terms_is_reported_in_one_line(tmp_path: Path, make: object, said: str) -> None:
    path = tmp_path / "sys.config"
    make(path)  # type: ignore[operator]
    with pytest.raises(InvalidConfiguration) as refused:
        load(path, {})
    (line,) = str(refused.value).splitlines()
    assert line.startswith(str(path))
    assert said in line


def test_without_a_file_all_is_as_by_default() -> None:
    assert load(None, {}).settings == Settings()


# A real Erlang

ENVIRONMENT = """
    ok = application:load({application, agents, [{vsn, "1"}]}),
    io:format("~p", [lists:sort(application:get_all_env(agents))]),
    halt().
"""


@pytest.mark.otp
def test_erlang_gives_the_same_precedence(tmp_path: Path) -> None:
    one = '[{agents, [{model, "second"}, {base_url, "http://b"}]}].'
    two = "[{agents, [{streaming, [{timeout, 2}]}]}]."
    text = '[{agents, [{model, "first"}, {streaming, [{timeout, 1}, {tool_timeout, 1}]}]}, "one", "two.config"].'
    for name, content in {"sys": text, "one": one, "two": two}.items():
        (tmp_path / f"{name}.config").write_text(content)
    command = ["erl", "-noshell", "-config", str(tmp_path / "sys"), "-eval", ENVIRONMENT]
    out = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert "".join(out.split()) == '[{base_url,"http://b"},{model,"second"},{streaming,[{timeout,2}]}]'
    settings = load(tmp_path / "sys.config", {}).settings
    assert (settings.base_url, settings.model, settings.streaming.timeout) == ("http://b", "second", 2)
    assert settings.streaming.tool_timeout == Settings().streaming.tool_timeout
