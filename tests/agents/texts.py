"""The text of a stream."""

from collections.abc import Iterable

from agents.core.events import Event, StreamReset, StreamToken


def text_that_stands(events: Iterable[Event]) -> str:
    """Return the text that the events leave: a reset replaces all text before it."""
    text = ""
    for event in events:
        match event:
            case StreamToken(token):
                text += token
            case StreamReset(content=content):
                text = content
    return text
