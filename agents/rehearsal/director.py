"""The director: it chooses the answer to each request from the script, the same over HTTP and in memory."""

import secrets
import time
from collections import deque
from typing import Any

from agents.rehearsal import responses
from agents.rehearsal.background import Background
from agents.rehearsal.errors import ErrorResponse, context_length_exceeded, model_not_found, scripted_refusal
from agents.rehearsal.faults import Failures
from agents.rehearsal.playback import Performance, pace_of
from agents.rehearsal.reply import compose, find_step
from agents.rehearsal.request import ModelRequest
from agents.rehearsal.script import REFUSING, Model, Script, ScriptedFault, ScriptedStep
from agents.rehearsal.wire import WireFormat

KEPT_REQUESTS = 1000


class Director:
    """A script, its requests so far, and the failures that are still due.

    requests: the decoded bodies of the last requests, oldest first, also of refused ones.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: deque[dict[str, Any]] = deque(maxlen=KEPT_REQUESTS)
        self.background = Background()
        self._failures = Failures()

    def answer(self, api: WireFormat, body: dict[str, Any], key: str) -> Performance:
        """Return the answer to a request. key: the API key. Raises ErrorResponse."""
        self.requests.append(body)
        request = api.read(body)
        model, place, step = self._find(request)
        counter = (request.model, place, key)
        fault = self._due(step.fault, counter)
        length = (fault.after_tokens or 0) if fault and fault.name == "length" else None
        reply = compose(step, request, key=secrets.token_hex(12), created=int(time.time()), length=length)
        performance = Performance(api, request, reply, pace_of(step, model), fault)
        if api is responses and body.get("background"):
            self.background.keep(performance, step.fault, counter)
        return performance

    def resume(self, response_id: str, after: int, *, stream: bool) -> Performance:
        """Return the events of a background response after this number, or all of it. Raises ErrorResponse."""
        running = self.background.find(response_id)
        return running.resumed(self._due(running.fault, running.place), after, stream=stream)

    def _due(self, fault: ScriptedFault | None, counter: Any) -> ScriptedFault | None:
        due = self._failures.due(fault, counter)
        if due and due.name in REFUSING:
            raise scripted_refusal(due)
        return due

    def _find(self, request: ModelRequest) -> tuple[Model, tuple[int, int], ScriptedStep]:
        model = self.script.models.get(request.model)
        if model is None:
            raise model_not_found(request.model)
        if model.context_tokens is not None and request.input_tokens > model.context_tokens:
            raise context_length_exceeded(model.context_tokens, request.input_tokens)
        found = find_step(model, request)
        if found is None:
            message = f"The script of model `{request.model}` has no turn that fits the user message"
            raise ErrorResponse(400, message, code="no_turn_fits")
        return model, *found
