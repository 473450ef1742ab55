"""What a tool returned: as plain JSON data, and as the text that the model reads."""

from typing import Any

import msgspec

MAX_RESULT_BYTES = 1024 * 1024


def plain(value: Any) -> Any:
    """The value as JSON data: structs, models, dataclasses, dates and sets become what JSON has, the rest its str().

    Half surrogate pairs, which no JSON encoder and no socket takes, are replaced.
    """
    try:
        built = msgspec.to_builtins(value, str_keys=True, enc_hook=_model_or_text)
    except TypeError:  # keys that can't be strings
        built = str(value)
    try:
        msgspec.json.encode(built)  # only the encoder looks into every string
    except UnicodeEncodeError:
        return _without_half_pairs(built)
    return built


def bounded(value: Any, limit_bytes: int = MAX_RESULT_BYTES) -> Any:
    """The value as JSON data if that is within the limit, else its text, cut."""
    value = plain(value)
    text = result_text(value)
    return value if len(text) * 4 <= limit_bytes or len(text.encode()) <= limit_bytes else cut(text, limit_bytes)


def result_text(value: Any) -> str:
    """How JSON data is shown to the model: a string as it is, anything else as compact JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def cut(text: str, limit_bytes: int = MAX_RESULT_BYTES) -> str:
    """The text within the limit; what was cut off is announced at its end."""
    encoded = text.encode()
    if len(encoded) <= limit_bytes:
        return text
    mark = f"\n[cut: the first {limit_bytes} of {len(encoded)} bytes]"
    return encoded[:limit_bytes].decode(errors="ignore") + mark


def _model_or_text(value: Any) -> Any:
    """A pydantic model by its own account, which the worker need not import pydantic to ask for."""
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if dump is not None else str(value)


def _without_half_pairs(built: Any) -> Any:
    match built:
        case str():
            # A whole pair that came as two halves is joined, a lone half becomes U+FFFD.
            return built.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {_without_half_pairs(key): _without_half_pairs(each) for key, each in built.items()}
        case list():
            return [_without_half_pairs(each) for each in built]
        case _:
            return built
