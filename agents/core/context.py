"""The context window of a model: its rules, and the estimated length of a request.

No tokenizer is used. Four bytes of text count as a token. The provider's own count of each request corrects the
estimate of the next one, as `Compaction.rate`.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from agents.core.compaction import FASTEST, SLOWEST
from agents.core.conversation import AssistantMessage, Message
from agents.core.limits import Price
from agents.core.parts import AudioPart, Content, FilePart, ImagePart, TextPart

MESSAGE: Final = 4  # tokens that each message and each call have besides their text
TOKEN_BYTES: Final = 4
IMAGE: Final = 1200  # tokens; providers count 85 to 1,600 for one image
AUDIO_BYTES: Final = 1000  # of one token, roughly: providers count 10 to 32 tokens a second
FILE_BYTES: Final = 25  # of one token: a page of a PDF file has some 50 kB, and counts some 2,000 tokens


class ContextStrategy(StrEnum):
    """The treatment of a conversation that becomes too long.

    TRIM: leave out old results, then old turns. SUMMARISE: put a summary in place of old turns. FAIL: end the turn.
    """

    TRIM = "trim"
    SUMMARISE = "summarise"
    FAIL = "fail"


class ContextPolicy(Struct, frozen=True):
    """The rules for an agent's context window.

    max_tokens: of the window; None: unknown, so that only the provider's refusal shows that it is full. reserve: the
    tokens of the window for the answer. keep_turns: the turns before the present one that stay whole while they fit.
    extra: the estimated tokens of a request besides its conversation. price, model: of the model that summarises.
    measured: the length of each request is estimated, also without max_tokens.
    """

    max_tokens: int | None = None
    reserve: int = 0
    strategy: ContextStrategy = ContextStrategy.TRIM
    keep_turns: int = 2
    extra: int = 0
    price: Price | None = None
    model: str = ""
    measured: bool = False

    @property
    def limit(self) -> int | None:
        """The most tokens of a request; None if that is unknown."""
        return None if self.max_tokens is None else self.max_tokens - self.reserve


def tokens_in(messages: Iterable[Message]) -> int:
    """Return the estimated number of tokens of the messages."""
    return sum(map(tokens_of, messages))


def tokens_of(message: Message) -> int:
    """Return the estimated number of tokens of one message."""
    if not isinstance(message, AssistantMessage):
        return MESSAGE + _content(message.content)
    tokens = MESSAGE + text_tokens(message.content)
    for call in message.tool_calls:
        tokens += MESSAGE + text_tokens(call.name) + text_tokens(call.arguments)
    return tokens + (data_tokens(message.items) if message.items else 0)


def text_tokens(text: str) -> int:
    """Return the estimated number of tokens of a text."""
    size = len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
    return (size + TOKEN_BYTES - 1) // TOKEN_BYTES


def data_tokens(value: Any) -> int:
    """Return the estimated number of tokens of JSON data."""
    return _size(value) // TOKEN_BYTES


def rate_of(counted: int | None, estimated: int, before: float) -> float:
    """Return the tokens that the provider counted per estimated token. before: the rate if the count is unknown."""
    if not counted or not estimated:
        return before
    return min(max(counted / estimated, SLOWEST), FASTEST)


def _content(content: Content) -> int:
    if isinstance(content, str):
        return text_tokens(content)
    tokens = 0
    for part in content:
        match part:
            case TextPart(text):
                tokens += text_tokens(text)
            case ImagePart():
                tokens += IMAGE
            case AudioPart(size_bytes=size):
                tokens += size // AUDIO_BYTES
            case FilePart(size_bytes=size, media_type="text/plain"):
                tokens += size // TOKEN_BYTES
            case FilePart(size_bytes=size):
                tokens += size // FILE_BYTES
    return tokens


def _size(value: Any) -> int:
    """Return the length of the texts in JSON data. Its depth is bounded, see depth.py."""
    match value:
        case str():
            return len(value)
        case Mapping():
            return sum(len(name) + _size(item) for name, item in value.items())
        case list() | tuple():
            return sum(map(_size, value))
        case _:
            return 1
