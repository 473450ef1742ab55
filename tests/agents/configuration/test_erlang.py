"""Erlang terms: printed terms and Erlang's own terms are read, and a fault is one line with its place."""

import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.configuration.erlang import (
    MAX_DEPTH,
    Atom,
    Binary,
    Float,
    Integer,
    List,
    Map,
    ParseFailed,
    Position,
    String,
    Term,
    Tuple,
    parse,
    to_text,
)
from tests.agents.configuration.terms import TERMS


@given(TERMS)
def test_a_printed_term_is_read_back_as_the_same_term(term: Term) -> None:
    text = to_text(term)
    assert "\n" not in text
    assert parse(f"{text}.") == term


READ: dict[str, Term] = {
    "ok": Atom("ok"),
    "'with space'": Atom("with space"),
    r"'it\'s'": Atom("it's"),
    "a@b_C1": Atom("a@b_C1"),
    "1_000": Integer(1000),
    "16#fF": Integer(255),
    "36#Z_z": Integer(35 * 37),
    "-7": Integer(-7),
    "+7": Integer(7),
    "$a": Integer(97),
    r"$\n": Integer(10),
    "$ ": Integer(32),
    r"$\s": Integer(32),
    '$"': Integer(34),
    r"$\\": Integer(92),
    r"$\^A": Integer(1),
    r"$\x{20AC}": Integer(0x20AC),
    "1.5": Float(1.5),
    "-1_0.0e-2": Float(-0.1),
    '"a" "b"\n"c"': String("abc"),
    r'"\x41\102\e\d\"\z"': String('AB\x1b\x7f"z'),
    '"line\nbreak"': String("line\nbreak"),
    "<<>>": Binary(b""),
    '<<"abc">>': Binary(b"abc"),
    '<<"\xe9">>': Binary(b"\xe9"),
    '<<"\u20ac"/utf8>>': Binary("\u20ac".encode()),
    '<<1, $b, "c">>': Binary(b"\x01bc"),
    "[]": List(()),
    "[a | [b, c]]": List((Atom("a"), Atom("b"), Atom("c"))),
    "{}": Tuple(()),
    "#{}": Map(()),
    "# {a=>1, 2 => <<>>}": Map(((Atom("a"), Integer(1)), (Integer(2), Binary(b"")))),
    "% first\n a % then\n": Atom("a"),
}


@pytest.mark.parametrize("text", READ)
def test_terms_that_erlang_reads_are_read(text: str) -> None:
    assert parse(f"{text}.") == READ[text]
    assert parse(f"{text}. % and no more\n") == READ[text]


REFUSED = {
    "": "1:1: expected a term, got the end of the file",
    "ok": "1:3: expected the final dot, got the end of the file",
    "{ok": "1:4: expected a comma or }, got the end of the file",
    "[1,\n 2,]": "2:4: expected a term, got ]",
    "{a b}.": "1:4: expected a comma or }, got an atom",
    "a. b.": "1:4: expected nothing after the dot, got an atom",
    "1.e3.": "1:2: expected an Erlang term, got '.'",
    "1e3.": "1:2: expected the final dot, got an atom",
    "'open": "1:1: expected a closing ', got the end of the file",
    'a "open': '1:3: expected a closing ", got the end of the file',
    "Name.": "1:1: expected an Erlang term, got a variable or another name that is no atom: 'N'...",
    "{end, 1}.": "1:2: expected an atom, got the reserved word end: write 'end'",
    "40#1.": "1:1: expected Base#Digits, the base from 2 to 36, got 40#1",
    "2#2.": "1:1: expected Base#Digits, the base from 2 to 36, got 2#2",
    "1.0e999.": "1:1: expected a float of 64 bits, got a larger one",
    "[a|b].": "1:3: expected a list after |, got an improper list",
    "<<256>>.": "1:3: expected a byte, 0 to 255, got 256",
    "<<1:16>>.": "1:4: expected an Erlang term, got ':'",
    '<<"a"/utf16>>.': "1:7: expected /utf8 or nothing, got /utf16",
    '<<"\u20ac">>.': '1:3: expected <<"..."/utf8>>, got characters above 255 without /utf8',
    r'"\x{D800}".': r"1:1: expected escapes that Erlang knows, got \x{D800}",
    r'"\xZ".': r"1:1: expected escapes that Erlang knows, got \x",
    '"""\na\n""".': "1:1: expected white space between two strings, got none",
    "9" * 200 + ".": "1:1: expected at most 100 digits, got 200",
    "'" + "a" * 256 + "'.": "1:1: expected an atom of at most 255 characters, got 256",
    "fun() -> 1 end.": "1:4: expected an Erlang term, got '('",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_an_invalid_term_is_refused_in_one_line_with_its_place(text: str) -> None:
    with pytest.raises(ParseFailed) as refused:
        parse(text)
    assert str(refused.value) == REFUSED[text]


MEGABYTE = 2**20
GARBAGE = {
    "lists": "[" * MEGABYTE,
    "tuples": "{" * MEGABYTE,
    "binaries": "<<" * MEGABYTE,
    "an open string": '"' + "a" * MEGABYTE,
    "escapes": '"' + "\\" * (MEGABYTE + 1),
    "strings": '"a" ' * (MEGABYTE // 4),
    "a number": "9" * MEGABYTE,
    "underscores": "1_" * MEGABYTE,
    "commas": "," * MEGABYTE,
    "elements": "[" + "1," * MEGABYTE,
    "zeros": "\0" * MEGABYTE,
    "comments": "%" * MEGABYTE,
    "a word": "a" * MEGABYTE,
}


@pytest.mark.parametrize("name", GARBAGE)
def test_a_megabyte_of_garbage_is_one_line(name: str) -> None:
    with pytest.raises(ParseFailed) as refused:
        parse(GARBAGE[name])
    assert len(str(refused.value)) < 200


@given(st.text(st.characters(codec="utf-8")) | st.text("[]{}<>#=|,.\"'$\\%/ \n-+aA1_"))
def test_any_text_is_a_term_or_one_line(text: str) -> None:
    assert len(_said(text).splitlines()) <= 1


def _said(text: str) -> str:
    try:
        parse(text)
    except ParseFailed as refused:
        return str(refused)
    return ""


def test_terms_nest_as_deep_as_allowed_and_no_deeper() -> None:
    assert isinstance(parse("[" * MAX_DEPTH + "]" * MAX_DEPTH + "."), List)
    with pytest.raises(ParseFailed, match="at most 64 levels"):
        parse("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1) + ".")


def test_every_term_knows_its_place() -> None:
    text = parse("% one\n[\n  {a,\n   <<1>>}].\n")
    assert isinstance(text, List)
    (pair,) = text.items
    assert isinstance(pair, Tuple)
    assert [each.at for each in (text, pair, *pair.items)] == [(2, 1), (3, 3), (3, 4), (4, 4)]
    assert isinstance(pair.at, Position)


# A real Erlang

CONSULT = """
main([File]) ->
    {ok, Text} = file:read_file(File),
    [read(Each) || Each <- binary:split(Text, <<0>>, [global])].

read(Utf8) ->
    Text = unicode:characters_to_list(Utf8) ++ " ",
    Answer = case erl_scan:tokens([], Text, 1) of
        {done, {ok, Tokens, _}, _} ->
            case erl_parse:parse_term(Tokens) of
                {ok, Term} -> base64:encode_to_string(term_to_binary(Term));
                _ -> "error"
            end;
        _ -> "error"
    end,
    io:format("~s~n", [Answer]).
"""


def _in_erlang(texts: list[str], folder: Any) -> list[str]:
    """Return the terms that a real Erlang reads from the texts, in its external format."""
    (folder / "texts").write_bytes(b"\0".join(text.encode() for text in texts))
    (folder / "consult").write_text(f"#!/usr/bin/env escript\n%%! -noinput\n{CONSULT}")
    done = subprocess.run(["escript", folder / "consult", folder / "texts"], capture_output=True, check=True, text=True)
    return done.stdout.splitlines()


@pytest.mark.otp
def test_erlang_reads_the_same(tmp_path: Any) -> None:
    assert shutil.which("escript"), "expected an Erlang"
    texts = [f"{text}." for text in READ]
    printed = [f"{to_text(term)}." for term in READ.values()]
    read = _in_erlang(texts + printed, tmp_path)
    assert "error" not in read, [text for text, answer in zip(texts + printed, read, strict=True) if answer == "error"]
    assert read[: len(texts)] == read[len(texts) :]


@pytest.mark.otp
def test_terms_that_erlang_refuses_are_refused(tmp_path: Any) -> None:
    ours = {"<<1:16>>.", '<<"\u20ac">>.', "[a|b].", '<<"a"/utf16>>.', "<<256>>.", "9" * 200 + "."}
    texts = [text for text in REFUSED if text not in ours and not text.startswith(('"""', "a. b"))]
    answers = _in_erlang(texts, tmp_path)
    assert [text for text, answer in zip(texts, answers, strict=True) if answer != "error"] == []
