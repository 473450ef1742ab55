"""The bodies of requests, as a provider reads them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from actors.slices import at_once
from agents.core.conversation import Conversation
from agents.llm.endpoint import Api, Endpoint
from agents.llm.request_encoder import RequestEncoder
from agents.llm.route import Route


def body_of(
    api: Api,
    talk: Conversation,
    tools: Sequence[Mapping[str, Any]] = (),
    options: Mapping[str, Any] | None = None,
    encoder: RequestEncoder | None = None,
) -> Any:
    """Return the body of a request. encoder: that of earlier requests, if there were any."""
    route = Route(Endpoint("http://127.0.0.1/v1", "key"), "m", api, options or {})
    return json.loads(at_once((encoder or RequestEncoder()).body(route, talk, tools, stream=True)))
