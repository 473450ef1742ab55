"""Text of tools, made fit to be sent: without halves of characters, and within a limit."""


def sendable(text: str) -> str:
    """The text as UTF-8 can say it: a surrogate pair becomes its character, a lone surrogate U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def cut(text: str, limit_bytes: int, *, whole: bool = True) -> str:
    """The text within the limit, with a mark at its end if something was cut off.

    whole: False for a text that is only the beginning of what there was.
    """
    encoded = text.encode()
    if whole and len(encoded) <= limit_bytes:
        return text
    of = f" of {len(encoded)}" if whole else ""
    return encoded[:limit_bytes].decode(errors="ignore") + f"\n[cut: the first {limit_bytes}{of} bytes]"
