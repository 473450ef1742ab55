"""Scripts of models for the rehearsal server."""

import json
from typing import Any


def call(name: str, **arguments: Any) -> str:
    """Return a call of a tool, for `calling`. "{user}" in a text stands for the message."""
    pairs = ", ".join(f"{key} = {json.dumps(value)}" for key, value in arguments.items())
    return f"{{ name = {json.dumps(name)}, arguments = {{ {pairs} }} }}"


def calling(model: str, *calls: str, text: str | None = None) -> str:
    """Return the script of a model that makes the calls at once, and then says the text. Default: the results."""
    results = ", ".join(f"{{result:{place}}}" for place in range(len(calls)))
    said = json.dumps(results if text is None else text)
    return f"""
[models.{model}]
[[models.{model}.turns]]
steps = [{{ tool_calls = [{", ".join(calls)}] }}, {{ text = {said} }}]
"""
