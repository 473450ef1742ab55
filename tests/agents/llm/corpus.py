"""The recorded streams. They are outside the repository and may be absent."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.core.deltas import Usage
from agents.llm.usage import read_usage

ROOT = Path(__file__).parents[3].parent / "shared" / "corpus"


class Recording(msgspec.Struct):
    """A recorded body and its expected answer."""

    name: str
    body: bytes
    flags: list[str]
    expected: dict[str, Any]
    ambiguous: bool

    @property
    def usage(self) -> Usage | None:
        return read_usage(self.expected["usage"])


def recordings(kind: str) -> list[Recording]:
    """Return all recordings of one kind ("chat", "responses"). Skip the test if there are no recordings."""
    return [
        Recording(
            name=stream["file"],
            body=(ROOT / stream["file"]).read_bytes(),
            flags=stream["features"]["flags"],
            expected=stream["expected"],
            ambiguous="ambiguous" in stream,
        )
        for stream in _index()["streams"]
        if stream["kind"] == kind
    ]


def recorded_errors() -> list[dict[str, Any]]:
    _index()
    found: list[dict[str, Any]] = json.loads((ROOT / "errors" / "index.json").read_bytes())
    return found


def _index() -> dict[str, Any]:
    path = ROOT / "index.json"
    if not path.exists():
        assert "CI" not in os.environ, f"expected the recorded streams at {ROOT}: CI skips none of them"
        pytest.skip("no recorded streams: ../shared/corpus is absent")
    index: dict[str, Any] = json.loads(path.read_bytes())
    return index
