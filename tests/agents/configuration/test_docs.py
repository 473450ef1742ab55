"""The file in docs/configuration.md is valid."""

import re
from pathlib import Path

from tests.agents.configuration.conftest import Loader

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_file_of_the_document_can_be_loaded(loading: Loader) -> None:
    (text,) = re.findall(r"^```erlang\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    settings = loading(text, {"OPENAI_API_KEY": "a key"}).settings
    assert (settings.streaming.timeout, settings.gateway.port) == (45_000, 9000)
    assert [agent.id for agent in settings.agents] == ["writer", "clerk"]
