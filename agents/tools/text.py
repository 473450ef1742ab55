"""Text of tools, prepared for sending: without lone surrogates, and within a limit."""


def sendable(text: str) -> str:
    """Return the text that UTF-8 can encode: a surrogate pair becomes its character, a lone surrogate U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def cut(text: str, limit_bytes: int, *, whole: bool = True) -> str:
    """Return the text within the limit. A text that was cut ends with a mark.

    whole: False if the text is only the beginning of a longer one.
    """
    encoded = text.encode()
    if whole and len(encoded) <= limit_bytes:
        return text
    of = f" of {len(encoded)}" if whole else ""
    return encoded[:limit_bytes].decode(errors="ignore") + f"\n[cut: the first {limit_bytes}{of} bytes]"
