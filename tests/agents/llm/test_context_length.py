"""Providers' words for a request that is longer than the context window."""

import json
from typing import Any

import pytest

from agents.core.errors import ApiError
from agents.core.retry import CONTEXT_LENGTH, is_too_long
from agents.llm.faults import api_error, error_in_stream

OVERFLOWS: dict[str, tuple[int, Any]] = {
    "OpenAI, chat": (
        400,
        {
            "error": {
                "message": "This model's maximum context length is 8192 tokens. However, your messages resulted "
                "in 9000 "
                "tokens. Please reduce the length of the messages.",
                "type": "invalid_request_error",
                "param": "messages",
                "code": "context_length_exceeded",
            }
        },
    ),
    "OpenAI, Responses": (
        400,
        {
            "error": {
                "message": "Your input exceeds the context window of this model. Please adjust your input.",
                "type": "invalid_request_error",
                "code": "context_length_exceeded",
            }
        },
    ),
    "Azure": (
        400,
        {
            "error": {
                "message": "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted "
                "in 509178 "
                "tokens.",
                "type": "invalid_request_error",
                "code": None,
            }
        },
    ),
    "OpenAI, tokens of a minute": (
        429,
        {
            "error": {
                "message": "Request too large for gpt-4o in organization o on tokens per min (TPM): Limit 30000, "
                "Requested 44000.",
                "type": "tokens",
                "code": "rate_limit_exceeded",
            }
        },
    ),
    "Anthropic": (
        400,
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "prompt is too long: 205024 tokens > 200000 maximum"},
        },
    ),
    "Anthropic, with max_tokens": (
        400,
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, "
                "decrease input "
                "length or `max_tokens` and try again",
            },
        },
    ),
    "Anthropic, bytes": (
        413,
        {"type": "error", "error": {"type": "request_too_large", "message": "Request exceeds the maximum size"}},
    ),
    "Bedrock": (400, {"message": "Input is too long for requested model."}),
    "Gemini": (
        400,
        [
            {
                "error": {
                    "code": 400,
                    "message": "The input token count (1196265) exceeds the maximum number of tokens allowed "
                    "(1048575).",
                    "status": "INVALID_ARGUMENT",
                }
            }
        ],
    ),
    "Gemini 2.5": (
        400,
        {
            "error": {
                "code": 400,
                "message": "The input token count exceeds the maximum number of tokens allowed 1048576.",
                "status": "INVALID_ARGUMENT",
            }
        },
    ),
    "Vertex AI": (
        400,
        {
            "error": {
                "code": 400,
                "message": "Unable to submit request because the input token count is 40000 but model only supports up "
                "to 32768.",
                "status": "INVALID_ARGUMENT",
            }
        },
    ),
    "llama.cpp": (
        400,
        {
            "error": {
                "code": 400,
                "message": "request (9412 tokens) exceeds the available context size (8192 tokens), try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 9412,
                "n_ctx": 8192,
            }
        },
    ),
    "llama.cpp, older": (
        400,
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size. try increasing the context size or enable "
                "context shift",
                "type": "invalid_request_error",
            }
        },
    ),
    "llama.cpp, in mid stream": (500, {"error": {"code": 500, "message": "Context size has been exceeded."}}),
    "llama-cpp-python": (
        400,
        {
            "error": {
                "message": "This model's maximum context length is 512 tokens, however you requested 690 tokens "
                "(600 in "
                "your messages; 90 for the completion). Please reduce the length of the messages or completion.",
                "type": "invalid_request_error",
                "param": "messages",
                "code": "context_length_exceeded",
            }
        },
    ),
    "llama-cpp-python, other": (
        500,
        {"error": {"message": "Requested tokens (1130) exceed context window of 512", "type": "internal_server_error"}},
    ),
    "vLLM": (
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens "
            "(4500 in "
            "the messages, 500 in the completion).",
            "type": "BadRequestError",
            "code": 400,
        },
    ),
    "vLLM, with max_tokens": (
        400,
        {
            "error": {
                "message": "'max_tokens' or 'max_completion_tokens' is too large: 2000. This model's maximum context "
                "length is 4096 tokens and your request has 2104 input tokens (2000 > 4096 - 2104).",
                "type": "BadRequestError",
                "code": 400,
            }
        },
    ),
    "vLLM, newer": (
        400,
        {
            "error": {
                "message": "The decoder prompt (length 5000) is longer than the maximum model length of 4096. "
                "Make sure "
                "that `max_model_len` is no smaller than the number of text tokens.",
                "type": "BadRequestError",
                "code": 400,
            }
        },
    ),
    "SGLang": (
        400,
        {
            "object": "error",
            "message": "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
            "type": "BadRequest",
            "code": 400,
        },
    ),
    "LiteLLM": (
        400,
        {
            "error": {
                "message": "litellm.ContextWindowExceededError: litellm.BadRequestError: AnthropicException - too long",
                "type": None,
                "param": None,
                "code": "400",
            }
        },
    ),
    "LiteLLM, without the name of its error": (
        400,
        {
            "error": {
                "message": 'litellm.BadRequestError: VertexAIException - {"error": {"message": "The input token count '
                '(2800010) exceeds the maximum number of tokens allowed (1048575)."}}',
                "type": None,
                "code": "400",
            }
        },
    ),
    "OpenRouter": (
        400,
        {
            "error": {
                "message": "This endpoint's maximum context length is 131072 tokens. However, you requested "
                "about 132463 "
                "tokens (1463 of text input, 131000 in the output). Please reduce the length of either one.",
                "code": 400,
            }
        },
    ),
    "OpenRouter, with the provider's words": (
        502,
        {
            "error": {
                "message": "Provider returned error",
                "code": 502,
                "metadata": {"raw": "x" * 600 + " prompt is too long: 205024 tokens > 200000 maximum"},
            }
        },
    ),
    "Ollama": (400, {"error": "prompt too long; exceeded max context length by 4 tokens"}),
    "Ollama, input": (
        400,
        {"error": {"message": "the input length exceeds the context length", "type": "invalid_request_error"}},
    ),
    "LM Studio": (
        400,
        {
            "error": "Trying to keep the first 5000 tokens when context the overflows. However, the model is "
            "loaded with "
            "context length of only 4096 tokens"
        },
    ),
    "Mistral": (
        400,
        {
            "object": "error",
            "message": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum "
            "context "
            "length",
            "type": "invalid_request_prompt",
            "code": "3051",
        },
    ),
    "Groq": (
        400,
        {
            "error": {
                "message": "Please reduce the length of the messages or completion.",
                "type": "invalid_request_error",
                "code": "context_length_exceeded",
            }
        },
    ),
    "xAI": (
        400,
        {
            "code": "Client specified an invalid argument",
            "error": "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
        },
    ),
    "Moonshot": (
        400,
        {
            "error": {
                "message": "Invalid request: Your request exceeded model token limit: 8192",
                "type": "invalid_request_error",
            }
        },
    ),
    "MiniMax": (
        400,
        {"base_resp": {"status_code": 2013, "status_msg": "invalid params, context window exceeds limit"}},
    ),
    "Zhipu": (400, {"error": {"code": "1261", "message": "Prompt exceeds max length"}}),
    "DashScope": (
        400,
        {
            "error": {
                "message": "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 98304]",
                "type": "invalid_request_error",
                "code": "invalid_parameter_error",
            }
        },
    ),
    "Cohere": (
        400,
        {
            "message": "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000. Try "
            "using a shorter prompt."
        },
    ),
    "TGI": (
        422,
        {
            "error": {
                "message": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000",
                "type": "Input validation error",
                "code": 422,
            }
        },
    ),
    "GitHub Models": (
        413,
        {
            "error": {
                "code": "tokens_limit_reached",
                "message": "Request body too large for gpt-4o model. Max size: 8000 tokens.",
            }
        },
    ),
    "GitHub Copilot": (
        400,
        {
            "error": {
                "message": "prompt token count of 70000 exceeds the limit of 64000",
                "code": "model_max_prompt_tokens_exceeded",
            }
        },
    ),
}


@pytest.mark.parametrize("provider", OVERFLOWS)
def test_each_providers_words_for_a_full_context_window_have_one_kind(provider: str) -> None:
    status, value = OVERFLOWS[provider]
    refused = api_error(status, json.dumps(value).encode())
    assert (refused.code, refused.kind) == (status, CONTEXT_LENGTH)
    assert is_too_long(refused)
    assert is_too_long(error_in_stream(value))


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "max_tokens is too large: 32000. This model supports at most 16384 completion tokens", None),
        (400, "max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens for the model", None),
        (
            429,
            "Rate limit reached for gpt-4o: Limit 30000, Used 29000, Requested 5000. Please try again in 8s.",
            "tokens",
        ),
        (400, "Invalid 'tools': array too long. Expected an array with maximum length 128", "array_above_max_length"),
        (404, "The model with the maximum context length does not exist", "model_not_found"),
        (400, "Invalid value for 'context': expected a string", "invalid_value"),
        (401, "Incorrect API key provided", "invalid_api_key"),
        (503, "The model is overloaded", "overloaded"),
    ],
)
def test_another_error_is_none_of_a_full_context_window(status: int, message: str, kind: str | None) -> None:
    error = {"error": {"message": message, "type": "invalid_request_error", "code": kind}}
    assert not is_too_long(api_error(status, json.dumps(error).encode()))


def test_a_text_without_json_is_read_as_well() -> None:
    refused = api_error(400, b"litellm.ContextWindowExceededError: the prompt has 9000 tokens")
    assert refused == ApiError(400, "litellm.ContextWindowExceededError: the prompt has 9000 tokens", CONTEXT_LENGTH)
