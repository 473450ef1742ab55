"""The record: exchanges as the turns and steps of a script.

A script chooses an answer by the model, the last user message and the round. So exchanges with the same three are one
step: failures before an answer become its fault, with their number.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from agents.rehearsal.record.answer import RecordedAnswer
from agents.rehearsal.record.cleaning import Cleaner
from agents.rehearsal.record.toml import script_text
from agents.rehearsal.request import ModelRequest

JSON = dict[str, Any]

INSIDE_PLACEHOLDER = re.compile(r"(?<=\{)(?=(?:user|tool:[^{}]+|result:\d+)\})")
FIELDS = {
    "input_tokens": ("prompt_tokens", "input_tokens"),
    "output_tokens": ("completion_tokens", "output_tokens"),
}
DETAILS = {
    "cached_tokens": ("prompt_tokens_details", "input_tokens_details"),
    "reasoning_tokens": ("completion_tokens_details", "output_tokens_details"),
}


@dataclass(frozen=True)
class Exchange:
    """A request and its answer. began_s: the time of the request. fault: as in a script, or None."""

    request: ModelRequest
    answer: RecordedAnswer
    began_s: float
    fault: JSON | None


@dataclass(frozen=True)
class RecordedStep:
    """An exchange in the words of a script. step: without its fault. tokens: the number of tokens that came."""

    step: JSON
    fault: JSON | None
    tokens: int
    cut_by_length: bool


@dataclass(frozen=True)
class RecordedTurn:
    """The exchanges after one user message. rounds: the steps of each round, in the order in which they came."""

    model: str
    match: str
    rounds: dict[int, list[RecordedStep]]


class Record:
    """The exchanges so far, cleaned. upstream: the address of the provider, without its secrets."""

    def __init__(self, upstream: str, cleaner: Cleaner, *, paced: bool) -> None:
        self._upstream, self._cleaner, self._paced = upstream, cleaner, paced
        self._turns: dict[tuple[str, str], RecordedTurn] = {}

    def add(self, exchange: Exchange) -> None:
        request, answer = exchange.request, exchange.answer
        place = (request.model, request.user)
        if place not in self._turns:
            clean = self._cleaner.clean(request.model), self._cleaner.fragment(request.user)
            self._turns[place] = RecordedTurn(*clean, rounds={})
        fault = None if exchange.fault is None else {key: self._cleaned(each) for key, each in exchange.fault.items()}
        step = RecordedStep(self._answer(exchange), fault, len(answer.order), answer.finish == "length")
        self._turns[place].rounds.setdefault(request.round, []).append(step)

    def script(self) -> str | None:
        """Return the script, or None without exchanges."""
        if not self._turns:
            return None
        notes = [f"Recorded from {self._cleaner.clean(self._upstream)}. The format is described in docs/rehearsal.md."]
        models: dict[str, list[JSON]] = {}
        for turn in self._turns.values():
            rounds = sorted(turn.rounds)
            if rounds != [*range(len(rounds))]:
                notes.append(f"{turn.model}: the record lacks a round of the turn {turn.match!r}.")
            steps = [_step(turn, turn.rounds[number], notes) for number in rounds]
            match = {"match": turn.match} if turn.match else {}
            models.setdefault(turn.model, []).append({**match, "steps": steps})
        for turns in models.values():  # else a short message would fit in place of a longer one that has it
            turns.sort(key=lambda each: -len(each.get("match", "").casefold()))
        return script_text(models, notes)

    def _answer(self, exchange: Exchange) -> JSON:
        answer = exchange.answer
        step: JSON = {"text": _unfilled(self._cleaner.tokens(answer.text))}
        if answer.reasoning:
            step["reasoning"] = _unfilled(self._cleaner.tokens(answer.reasoning))
        if answer.calls:
            step["tool_calls"] = [
                {"name": call.name, "arguments": self._arguments(call.deltas)} for call in answer.calls.values()
            ]
            if len([*groupby(each for each in answer.order if each in answer.calls)]) > len(answer.calls):
                step["interleaved"] = True
        if usage := dict(_usage(answer.usage)):
            step["usage"] = usage
        return step | (dict(_pace(exchange)) if self._paced else {})

    def _arguments(self, deltas: Sequence[str]) -> list[str]:
        return _unfilled(self._cleaner.tokens(deltas))

    def _cleaned(self, value: Any) -> Any:
        return self._cleaner.clean(value) if isinstance(value, str) else value


def _step(turn: RecordedTurn, recorded: Sequence[RecordedStep], notes: list[str]) -> JSON:
    """Return the step of exchanges at the same place. notes: gets a line for each part that a script can't have."""
    answered = next((each for each in recorded if each.fault is None), None)
    failed = recorded[: recorded.index(answered)] if answered else recorded
    shown = answered or recorded[-1]
    if len([*groupby(each.fault for each in failed)]) > 1:
        notes.append(f"{turn.model}: different failures in a row at {turn.match!r} are recorded as one kind.")
    if answered and len(recorded) > len(failed) + 1:
        notes.append(f"{turn.model}: a later answer to {turn.match!r} is not recorded.")
    if failed:
        fault = (failed[0] if answered else shown).fault or {}
        return {**shown.step, "fault": {**fault, **({"times": len(failed)} if answered else {})}}
    if shown.cut_by_length:
        return {**shown.step, "fault": {"name": "length", "after_tokens": shown.tokens}}
    return shown.step


def _unfilled(tokens: list[str]) -> list[str]:
    """Return the tokens so that the server fills no placeholder in them: it looks for them in each token."""
    return [part for token in tokens for part in INSIDE_PLACEHOLDER.split(token)]


def _pace(exchange: Exchange) -> Iterator[tuple[str, float]]:
    """Yield the delays of a step: until its first token, and the mean between two tokens."""
    times_s = exchange.answer.times_s
    if times_s:
        yield "first_token_delay_s", round(max(0.0, times_s[0] - exchange.began_s), 4)
        between_s = (times_s[-1] - times_s[0]) / max(1, len(times_s) - 1)
        yield "token_delay_s", round(between_s, 4)


def _usage(usage: JSON) -> Iterator[tuple[str, int]]:
    for name, spellings in FIELDS.items():
        if (count := next((usage[each] for each in spellings if _is_count(usage.get(each))), None)) is not None:
            yield name, count
    for name, groups in DETAILS.items():
        details: JSON = next((usage[each] for each in groups if isinstance(usage.get(each), dict)), {})
        if _is_count(details.get(name)) and details[name]:
            yield name, details[name]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
