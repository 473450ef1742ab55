"""Reads one Erlang term, as `parse("{port, 8765}.")`. A fault of the text is one line with its place."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final, cast

from agents.configuration.erlang.escapes import InvalidEscape, unescaped
from agents.configuration.erlang.reserved import RESERVED
from agents.configuration.erlang.term import Atom, Binary, Float, Integer, List, Map, Place, String, Term, Tuple
from agents.extras import extra

with extra("daemon", "a configuration file"):
    from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedToken

MAX_DEPTH: Final = 64
MAX_TOKENS: Final = 50_000
MAX_DIGITS: Final = 100
MAX_ATOM: Final = 255  # erl_scan's

OPENING = frozenset({"OPEN", "OPEN_LIST", "OPEN_BINARY"})
CLOSING = frozenset({"CLOSE", "CLOSE_LIST", "CLOSE_BINARY"})


class ParseFailed(ValueError):
    """A fault of the text. expected, got: in words. at: its place."""

    def __init__(self, at: Place, expected: str, got: str) -> None:
        super().__init__(f"{at.line}:{at.column}: expected {expected}, got {got}")
        self.at, self.expected, self.got = at, expected, got


def parse(text: str) -> Term:
    """Return the term of a text that ends with a dot. Raises ParseFailed."""
    try:
        return cast("Term", _grammar().parse(text))
    except UnexpectedCharacters as stuck:
        raise _no_token(text, stuck) from None
    except UnexpectedToken as unexpected:
        raise _no_term(text, unexpected) from None


class _Bounds:
    """A filter between the tokens and the grammar. It stops at a text that is too long, or nested too deep."""

    always_accept = ()

    def process(self, tokens: Iterator[Token]) -> Iterator[Token]:
        depth = 0
        for number, token in enumerate(tokens, 1):
            if number > MAX_TOKENS:
                raise ParseFailed(_place(token), f"at most {MAX_TOKENS} tokens", "more")
            if token.type in OPENING:
                depth += 1
                if depth > MAX_DEPTH:
                    raise ParseFailed(_place(token), f"at most {MAX_DEPTH} levels of nesting", "more")
            elif token.type in CLOSING:
                depth -= 1
            yield token


class _Terms(Transformer[Token, Term]):
    """The terms that the rules of term.lark stand for, built while the text is parsed."""

    def start(self, found: list[Any]) -> Term:
        return cast("Term", found[0])

    def atom(self, found: list[Token]) -> Atom:
        (token,) = found
        name = _text(token) if token.type == "QUOTED" else str(token)
        if token.type == "ATOM" and name in RESERVED:
            raise ParseFailed(_place(token), "an atom", f"the reserved word {name}: write '{name}'")
        if len(name) > MAX_ATOM:
            raise ParseFailed(_place(token), f"an atom of at most {MAX_ATOM} characters", str(len(name)))
        return Atom(name, at=_place(token))

    def strings(self, found: list[Token]) -> String:
        _refuse_triple(found)
        return String("".join(map(_text, found)), at=_place(found[0]))

    def char(self, found: list[Token]) -> Integer:
        return Integer(_code(found[0]), at=_place(found[0]))

    def integer(self, found: list[Token]) -> Integer:
        *sign, digits = found
        return Integer(_sign(sign) * _whole(digits), at=_place(found[0]))

    def float_term(self, found: list[Token]) -> Float:
        *sign, digits = found
        value = float(digits.replace("_", ""))
        if value == float("inf"):
            raise ParseFailed(_place(digits), "a float of 64 bits", "a larger one")
        return Float(_sign(sign) * value, at=_place(found[0]))

    def text_segment(self, found: list[Token]) -> bytes:
        _refuse_triple(strings := [token for token in found if token.type == "STRING"])
        text = "".join(map(_text, strings))
        for type_ in found[len(strings) :]:
            if type_ != "utf8":
                raise ParseFailed(_place(type_), "/utf8 or nothing", f"/{type_}")
            return _utf8(text, found[0])
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError:
            raise ParseFailed(_place(found[0]), '<<"..."/utf8>>', "characters above 255 without /utf8") from None

    def byte_segment(self, found: list[Token]) -> bytes:
        (token,) = found
        value = _code(token) if token.type == "CHAR" else _whole(token)
        if value > 255:
            raise ParseFailed(_place(token), "a byte, 0 to 255", str(value))
        return bytes([value])

    def binary(self, found: list[Any]) -> Binary:
        opening, *segments, _ = found
        return Binary(b"".join(segments), at=_place(opening))

    def list_term(self, found: list[Any]) -> List:
        opening, *items, _ = found
        if items and isinstance(items[-1], tuple):
            items = [*items[:-1], *items[-1]]
        return List(tuple(items), at=_place(opening))

    def tail(self, found: list[Any]) -> tuple[Term, ...]:
        bar, term = found
        if not isinstance(term, List):
            raise ParseFailed(_place(bar), "a list after |", "an improper list")
        return term.items

    def tuple_term(self, found: list[Any]) -> Tuple:
        opening, *items, _ = found
        return Tuple(tuple(items), at=_place(opening))

    def map_term(self, found: list[Any]) -> Map:
        hash_, _, *pairs, _ = found
        return Map(tuple(pairs), at=_place(hash_))

    def pair(self, found: list[Term]) -> tuple[Term, Term]:
        key, value = found
        return key, value


@cache
def _grammar() -> Lark:
    """Return the grammar, built when the first file is read.

    With the basic lexer, the parser knows what it expected.
    """
    text = files(__package__).joinpath("term.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer="basic", transformer=_Terms(), postlex=_Bounds())


def _place(token: Token) -> Place:
    return Place(token.line or 1, token.column or 1)


def _text(token: Token) -> str:
    try:
        return unescaped(token[1:-1])
    except InvalidEscape as invalid:
        raise ParseFailed(_place(token), "escapes that Erlang knows", str(invalid)) from None


def _utf8(text: str, token: Token) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ParseFailed(_place(token), "characters that UTF-8 has", "half of a surrogate pair") from None


def _code(token: Token) -> int:
    try:
        return ord(unescaped(token[1:]))
    except InvalidEscape as invalid:
        raise ParseFailed(_place(token), "a character", str(invalid)) from None


def _whole(token: Token) -> int:
    if len(token) > MAX_DIGITS:
        raise ParseFailed(_place(token), f"at most {MAX_DIGITS} digits", str(len(token)))
    base, _, digits = token.replace("_", "").rpartition("#")
    try:
        return int(digits, int(base or 10))
    except ValueError:  # the base is not 2 to 36, or a digit is not below it
        raise ParseFailed(_place(token), "Base#Digits, the base from 2 to 36", str(token)) from None


def _sign(sign: list[Token]) -> int:
    return -1 if sign and sign[0].type == "MINUS" else 1


def _refuse_triple(strings: list[Token]) -> None:
    """Refuse three quotes in a row.

    OTP 27 reads them as the start of a text of many lines, earlier versions as two strings.
    """
    for one, following in pairwise(strings):
        if one.end_pos == following.start_pos:
            raise ParseFailed(_place(one), "white space between two strings", "none")


def _no_token(text: str, stuck: UnexpectedCharacters) -> ParseFailed:
    character = text[cast("int", stuck.pos_in_stream)]
    at = Place(stuck.line, stuck.column)
    if character in "\"'":
        return ParseFailed(at, f"a closing {character}", "the end of the file")
    if character.isalpha() or character == "_":
        return ParseFailed(at, "an Erlang term", f"a variable or another name that is no atom: {character!a}...")
    return ParseFailed(at, "an Erlang term", ascii(character))


def _no_term(text: str, unexpected: UnexpectedToken) -> ParseFailed:
    token = unexpected.token
    allowed = {*(unexpected.accepts or unexpected.expected)}
    expected = _WORDS["$END"] if "$END" in allowed else _words(allowed)
    if token.type == "$END":
        lines = text.splitlines() or [""]
        return ParseFailed(Place(len(lines), len(lines[-1]) + 1), expected, "the end of the file")
    return ParseFailed(_place(token), expected, _shown(token))


def _words(allowed: set[str]) -> str:
    words = [word for name, word in _WORDS.items() if name in allowed]
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)


def _shown(token: Token) -> str:
    """Return a short token as it is, and only the kind of a long token: it may be a misplaced secret."""
    return _KINDS.get(token.type, str(token))


_WORDS: Final = {
    "$END": "nothing after the dot",
    "_COMMA": "a comma",
    "BAR": "|",
    "OPEN": "a term",
    "_ARROW": "=>",
    "CLOSE": "}",
    "CLOSE_LIST": "]",
    "CLOSE_BINARY": ">>",
    "DOT": "the final dot",
}

_KINDS: Final = {
    "STRING": "a string",
    "QUOTED": "a quoted atom",
    "ATOM": "an atom",
    "CHAR": "a character",
    "INTEGER": "a number",
    "FLOAT": "a number",
}
