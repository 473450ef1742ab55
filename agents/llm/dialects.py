"""The APIs of providers, as one table: a further API is a folder like chat/ and a row here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct

from agents.core.conversation import Conversation
from agents.core.parts import EVERY_KIND
from agents.llm import chat, responses
from agents.llm.endpoint import Api
from agents.llm.reader import StreamReader


class _Request(Protocol):
    def __call__(
        self, tools: Sequence[Mapping[str, Any]], *, model: str, options: Mapping[str, Any]
    ) -> dict[str, Any]: ...


class Dialect(Struct, frozen=True):
    """An API of providers.

    reader: makes the reader of an answer. Its arguments: a source of ids, and whether the answer is in background mode.
    request: returns the body of a request, without the conversation. messages: the name of the body's field for the
    conversation. entries: yields the entries of that field for one turn. answer_form: returns the keys of a request for
    an answer in a form, which has name, schema and strict. path: of the API, below the provider's address.
    has_background: whether the API can resume an answer after its connection broke. effort: returns the keys of a
    request for a reasoning effort. cache_key: the name of the body's field for the key of the provider's prompt cache.
    kinds: of the parts besides text that the API takes.
    """

    reader: Callable[[Callable[[], str], bool], StreamReader]
    request: _Request
    messages: str
    entries: Callable[[Conversation, Mapping[str, Any]], Iterator[dict[str, Any]]]
    answer_form: Callable[[Mapping[str, Any]], dict[str, Any]]
    path: str
    has_background: bool
    effort: Callable[[str], dict[str, Any]]
    kinds: frozenset[str]
    cache_key: str = "prompt_cache_key"


def _chat_form(form: Mapping[str, Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": form}}


def _responses_form(form: Mapping[str, Any]) -> dict[str, Any]:
    return {"text": {"format": {"type": "json_schema", **form}}}


DIALECTS: Final[Mapping[Api, Dialect]] = {
    Api.CHAT: Dialect(
        reader=lambda new_id, _: chat.ChatReader(new_id),
        request=chat.request,
        messages="messages",
        entries=lambda turn, _: chat.entries(turn),
        answer_form=_chat_form,
        path="/chat/completions",
        has_background=False,
        effort=lambda effort: {"reasoning_effort": effort},
        kinds=EVERY_KIND,
    ),
    Api.RESPONSES: Dialect(
        reader=lambda new_id, background: responses.ResponsesReader(new_id, background=background),
        request=responses.request,
        messages="input",
        entries=responses.entries,
        answer_form=_responses_form,
        path="/responses",
        has_background=True,
        effort=lambda effort: {"reasoning": {"effort": effort}},
        kinds=frozenset({"image", "file"}),
    ),
}
