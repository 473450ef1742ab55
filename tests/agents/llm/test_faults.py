"""Errors of providers, as recorded and as imagined, and the wait that they ask for."""

import json

import pytest

from agents.core.errors import ApiError
from agents.llm.faults import MESSAGE_LIMIT, api_error, error_in_stream, retry_after_s
from tests.agents.llm.corpus import recorded_errors

NOW = 1_760_000_000.0


def read(body: str, status: int = 400) -> ApiError:
    return api_error(status, body.encode())


def test_a23_every_recorded_error_answer_gives_its_status_and_its_words() -> None:
    for answer in recorded_errors():
        error = read(answer["body"], answer["status"])
        assert error.code == answer["status"]
        assert error.message in " ".join(answer["body"].split()) or not answer["body"]
        assert error.message[:1] not in ("{", "["), answer["provider"]
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("body", "message", "kind"),
    [
        (
            '{"error":{"message":"no such model","type":"invalid_request_error","code":"model_not_found"}}',
            "no such model",
            "model_not_found",
        ),
        ('{"error":"no such model"}', "no such model", None),
        (
            '{"object":"error","message":"no such model","type":"invalid_model","code":"1500"}',
            "no such model",
            "invalid_model",
        ),
        ('{"code":400,"message":"too hot","type":"Bad Request"}', "too hot", "Bad Request"),
        ('{"detail":"no token"}', "no token", None),
        ('{"detail":[{"loc":["body"],"msg":"field required"},{"msg":"too long"}]}', "field required; too long", None),
        ('[{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}]', "overloaded", "UNAVAILABLE"),
        ('{"error":{"message":{"error":"deep"}}}', "deep", None),
        (
            '{"error":{"message":"Provider returned error","metadata":{"raw":"rate limited upstream"}}}',
            "Provider returned error: rate limited upstream",
            None,
        ),
        ("upstream connect error\r\n", "upstream connect error", None),
        ("<html>\n<title>502</title>", "<html> <title>502</title>", None),
        ("", "empty answer", None),
        ('{"unknown": 1}', '{"unknown": 1}', None),
    ],
)
def test_a23_the_words_are_found_in_any_shape(body: str, message: str, kind: str | None) -> None:
    assert read(body) == ApiError(400, message, kind)


def test_a_message_is_one_line_and_capped() -> None:
    message = read(json.dumps({"error": {"message": "first\n  second " + "x" * 10_000}})).message
    assert message.startswith("first second xxx")
    assert len(message) == MESSAGE_LIMIT


def test_a20_an_error_in_a_stream_names_its_status_where_it_has_one() -> None:
    assert error_in_stream({"error": {"code": 429, "message": "slow down"}}) == ApiError(429, "slow down", "429")
    assert error_in_stream({"error": {"code": "429", "message": "slow down"}}).code == 429
    assert error_in_stream({"error": {"code": "oops", "message": "slow down"}}) == ApiError(0, "slow down", "oops")


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"Retry-After-Ms": "250", "Retry-After": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "Thu, 09 Oct 2025 08:53:21 GMT"}, 1.0),
        ({"retry-after": "Thu, 09 Oct 2025 08:00:00 GMT"}, 0.0),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, None),
        ({"x-ratelimit-reset-requests": "500ms", "x-ratelimit-reset-tokens": "6m0s"}, 0.5),
        (
            {
                "x-ratelimit-reset-requests": "500ms",
                "x-ratelimit-reset-tokens": "6m0s",
                "x-ratelimit-remaining-tokens": "0",
            },
            360.0,
        ),
        ({"x-ratelimit-reset": "1760000003"}, 3.0),
        ({"X-RateLimit-Reset": "1760000003000"}, 3.0),
        ({"x-ratelimit-reset": "12"}, 12.0),
        ({"x-ratelimit-reset": "later"}, None),
    ],
)
def test_a22_the_wait_is_read_in_every_spelling(headers: dict[str, str], wait_s: float | None) -> None:
    assert retry_after_s(headers, NOW) == wait_s
    assert api_error(429, b"", wait_s).retry_after_s == wait_s
