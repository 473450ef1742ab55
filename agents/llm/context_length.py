"""A refused request that is longer than the context window of its model, in the words of each provider.

Providers and proxies agree on neither a status nor a code for this error. Some put it only into the message.
"""

import re
from typing import Final

from agents.core.retry import CONTEXT_LENGTH

CODES: Final = frozenset(
    {
        CONTEXT_LENGTH,  # OpenAI, Azure, Groq, Cerebras, xAI, llama-cpp-python
        "context_window_exceeded",
        "contextwindowexceedederror",  # LiteLLM
        "exceed_context_size_error",  # llama.cpp
        "model_context_window_exceeded",  # Z.ai
        "model_max_prompt_tokens_exceeded",  # GitHub Copilot
        "request_too_large",  # Anthropic, for more bytes than a request may have
        "string_above_max_length",  # OpenAI, for one message of more than a million characters
        "tokens_limit_reached",  # GitHub Models
    }
)

WORDS: Final = (
    # A length that is longer than the window
    r"contextwindowexceedederror",  # LiteLLM, before the provider's own words
    r"context([_ ](length|window|size))?( of \d+ tokens)?([_ ]has[_ ]been)?[_ ]exceeded",  # llama.cpp, Ollama
    r"exceed(s|ed|ing)?\b.{0,60}\bcontext[ _-]?(length|window|size|limit)",  # OpenAI, Anthropic, llama.cpp, SGLang
    r"context (length|window|size) (of \S+ )?exceeds",  # MiniMax
    r"longer than the (model'?s |maximum )?(context|model) length",  # SGLang, Together, vLLM
    r"greater than the context length",  # LM Studio
    r"(loaded with|configured) context (length|size)",  # LM Studio, llama.cpp's forks
    # The window's size
    r"maximum (context|model|prompt|input) (length|size)",  # OpenAI, vLLM, OpenRouter, DeepSeek, Fireworks, xAI
    r"too large for model with \d+ maximum",  # Mistral
    r"prompt (is )?too long",  # Anthropic, Bedrock, Ollama
    r"input (is|was) too long",  # Bedrock
    r"prompt exceeds (the )?max(imum)? length",  # Zhipu
    r"input token count\b.{0,80}(exceeds|only supports)",  # Gemini, Vertex AI
    r"prompt token count\b.{0,40}exceeds",  # GitHub Copilot
    r"input tokens? exceed",  # Azure, Bedrock
    r"exceeded model token limit",  # Moonshot
    r"too many tokens: .{0,80}(prompt|input)",  # Cohere
    r"number of tokens in the (prompt|input)\b.{0,20}exceed",  # Cohere
    r"inputs` tokens \+ `max_new_tokens` must be <=",  # TGI
    r"inputs` must have less than \d+ tokens",  # TGI
    r"range of input length should be",  # DashScope
    r"reduce (the length of the messages|your (message|prompt))",  # Groq, Cerebras
    r"request( body)? too large for",  # GitHub Models, and OpenAI and Groq for more tokens than a minute allows
    r"(total|message) length.{0,20}too long",
    r"输入.{0,12}超过.{0,12}(上下文|长度)",
)
_WORDS: Final = re.compile("|".join(WORDS), re.IGNORECASE | re.DOTALL)
_OUTPUT: Final = re.compile(
    r"max(imum)?[_ ]?(completion|output|new)?[_ ]?tokens.{0,80}(at most|maximum allowed number of output)"
    r"|supports at most \d+ (completion|output) tokens",
    re.IGNORECASE | re.DOTALL,
)
"""An answer that may not be so long. A shorter conversation does not help."""

_TOO_LARGE: Final = 413  # by the provider or by a proxy before it
_OTHERS: Final = frozenset({401, 402, 403, 404})  # a key, a bill or a name is wrong
_READ: Final = 10_000
"""The characters of a message that are read: a proxy may put several errors into one message."""


def too_long(status: int, message: str, kind: str | None) -> bool:
    """Return whether this error says that the request is too long for the context window."""
    if status == _TOO_LARGE or (kind is not None and kind.lower() in CODES):
        return True
    words = message[:_READ]
    return status not in _OTHERS and _WORDS.search(words) is not None and _OUTPUT.search(words) is None
