"""The faults of a text that is no Erlang term, each with its place."""

from typing import TYPE_CHECKING, Final, cast

from agents.configuration.erlang.term import Position

if TYPE_CHECKING:
    from lark import Token, UnexpectedCharacters, UnexpectedToken

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


class ParseFailed(ValueError):
    """A fault of the text. expected, got: in words. at: its place."""

    def __init__(self, at: Position, expected: str, got: str) -> None:
        super().__init__(f"{at.line}:{at.column}: expected {expected}, got {got}")
        self.at, self.expected, self.got = at, expected, got


def place_of(token: "Token") -> Position:
    return Position(token.line or 1, token.column or 1)


def no_token(text: str, stuck: "UnexpectedCharacters") -> ParseFailed:
    character = text[cast("int", stuck.pos_in_stream)]
    at = Position(stuck.line, stuck.column)
    if character in "\"'":
        return ParseFailed(at, f"a closing {character}", "the end of the file")
    if character.isalpha() or character == "_":
        return ParseFailed(at, "an Erlang term", f"a variable or another name that is no atom: {character!a}...")
    return ParseFailed(at, "an Erlang term", ascii(character))


def no_term(text: str, unexpected: "UnexpectedToken") -> ParseFailed:
    token = unexpected.token
    allowed = {*(unexpected.accepts or unexpected.expected)}
    expected = _WORDS["$END"] if "$END" in allowed else _words(allowed)
    if token.type == "$END":
        lines = text.splitlines() or [""]
        return ParseFailed(Position(len(lines), len(lines[-1]) + 1), expected, "the end of the file")
    return ParseFailed(place_of(token), expected, _shown(token))


def _words(allowed: set[str]) -> str:
    words = [word for name, word in _WORDS.items() if name in allowed]
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)


def _shown(token: "Token") -> str:
    """Return a short token as it is, and only the kind of a long token: it may be a misplaced secret."""
    return _KINDS.get(token.type, str(token))
