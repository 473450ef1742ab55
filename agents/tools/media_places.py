"""The places of images, sounds and files in the JSON data of a result."""

import sys
from typing import Any


def place_of(value: Any, media: list[Any]) -> str | None:
    """Return the text of a part's place, as "[image 1: cat.png]", and add the part to media; None for another value.

    media: the parts so far. The same object has one number.
    """
    given = sys.modules.get("agents.parts.given")  # a value of its classes exists only after its import
    if given is None or not isinstance(value, given.Media):
        return None
    number = next((number for number, each in enumerate(media, 1) if each is value), None)
    if number is None:
        media.append(value)
        number = len(media)
    return f"[{value.kind} {number}: {value.name or value.media_type}]"
