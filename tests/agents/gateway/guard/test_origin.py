"""Host and Origin as values: equal ones, and ones that only look equal."""

import pytest

from agents.gateway.guard.origin import Allowed, Host, Origin, host_of, origin_of

ALLOWED = Allowed(["agents.test", "proxy.test:8443"], ["https://page.test", "http://localhost:3000"])

HOSTS = [
    ("127.0.0.1:8765", True),
    ("localhost:8765", True),
    ("LOCALHOST:8765", True),
    ("[::1]:8765", True),
    ("agents.test:8765", True),
    ("proxy.test:8443", True),
    ("proxy.test:8765", False),
    ("localhost", False),
    ("localhost:80", False),
    ("localhost:8766", False),
    ("attacker.test:8765", False),
    ("localhost.attacker.test:8765", False),
    ("127.0.0.1.attacker.test:8765", False),
    ("attacker-agents.test:8765", False),
    ("127.1:8765", False),
    ("2130706433:8765", False),
    ("0.0.0.0:8765", False),
    ("[::]:8765", False),
    ("[::ffff:127.0.0.1]:8765", False),
]

NO_HOSTS = ["", ":8765", "a b", "localhost:", "localhost:x", "localhost:0", "localhost:65536", "user@localhost:8765"]
NO_HOSTS += ["localhost:8765/x", "localhost:8765,evil", "::1:8765", "[::1", "löcalhost:8765", "localhost:8765\t"]

ORIGINS = [
    ("http://localhost:8765", True),
    ("http://127.0.0.1:8765", True),
    ("https://page.test", True),
    ("https://page.test:443", True),
    ("HTTPS://PAGE.TEST", True),
    ("http://localhost:3000", True),
    ("https://localhost:8765", False),
    ("http://page.test", False),
    ("https://page.test:444", False),
    ("https://page.test.evil.test", False),
    ("https://evilpage.test", False),
    ("http://localhost:8766", False),
    ("http://localhost", False),
    ("http://attacker.test:8765", False),
]

NO_ORIGINS = ["null", "", "*", "page.test", "file://", "https://", "https://page.test/", "https://u@page.test"]
NO_ORIGINS += ["ftp://page.test", "https://page.test https://page.test", "chrome-extension://abc"]


@pytest.mark.parametrize(("text", "allowed"), HOSTS)
def test_a_host_is_compared_whole(text: str, allowed: bool) -> None:
    host = host_of(text)
    assert host is not None
    assert ALLOWED.host(host, "http", 8765) is allowed


def test_a_host_without_a_port_has_that_of_its_scheme() -> None:
    assert ALLOWED.host(Host("localhost", None), "http", 80)
    assert ALLOWED.host(Host("localhost", None), "https", 443)
    assert not ALLOWED.host(Host("localhost", None), "https", 80)


@pytest.mark.parametrize("text", NO_HOSTS)
def test_an_invalid_host_has_no_value(text: str) -> None:
    assert host_of(text) is None


@pytest.mark.parametrize(("text", "allowed"), ORIGINS)
def test_an_origin_is_compared_by_scheme_host_and_port(text: str, allowed: bool) -> None:
    origin = origin_of(text)
    assert origin is not None
    assert ALLOWED.origin(origin, "http", 8765) is allowed


@pytest.mark.parametrize("text", NO_ORIGINS)
def test_an_invalid_origin_has_no_value(text: str) -> None:
    assert origin_of(text) is None


def test_an_origin_has_the_port_of_its_scheme() -> None:
    assert origin_of("https://page.test") == Origin("https", "page.test", 443)


@pytest.mark.parametrize(("hosts", "origins"), [(["http://x"], []), ([], ["x.test"]), (["*"], []), ([], ["*"])])
def test_settings_with_an_invalid_host_or_origin_are_refused(hosts: list[str], origins: list[str]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Allowed(hosts, origins)
