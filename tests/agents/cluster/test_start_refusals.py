"""A node whose settings are wrong does not start: one line says what was expected, what came, and where."""

import secrets
import stat
from pathlib import Path
from typing import Any

import pytest

from actors import StartFailed
from agents import application
from agents.cluster.errors import CannotListen, HandshakeRefused, NotSafe
from agents.settings import Settings
from tests.agents.cluster.link.certificates import authority, certificate
from tests.agents.cluster.sqlite_nodes import living_node, settings


async def refused(given: dict[str, Any]) -> Exception:
    """Return the reason for which the application does not start."""
    with pytest.raises(StartFailed) as failed:
        async with application.running(Settings.model_validate(given)):
            pass
    assert isinstance(failed.value.reason, Exception)
    assert "\n" not in str(failed.value.reason)
    return failed.value.reason


def secret_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_text(text)
    path.chmod(mode)
    return path


async def test_a_node_without_a_secret_file_makes_one_that_only_its_user_can_read(tmp_path: Path) -> None:
    async with application.running(Settings.model_validate(settings(tmp_path))):
        made = tmp_path / "own" / "cluster.secret"
        assert stat.S_IMODE(made.stat().st_mode) == 0o600
        assert len(made.read_text().strip()) == 43
        (socket,) = (tmp_path / "own" / "nodes").iterdir()
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert not socket.exists()


@pytest.mark.parametrize(
    ("text", "mode", "line"),
    [
        ("short", 0o600, "expected one line of at least 43 of A-Z a-z 0-9 _ -, got something else"),
        ("a" * 43, 0o640, "expected mode 0600, got 0640: others can read the cluster's secret; chmod 600 it"),
    ],
)
async def test_a_secret_that_is_not_safe_is_refused(tmp_path: Path, text: str, mode: int, line: str) -> None:
    path = secret_file(tmp_path, text, mode)
    reason = await refused(settings(tmp_path, secret_file=str(path)))
    assert isinstance(reason, NotSafe)
    assert str(reason) == f"cluster.secret_file: {path}: {line}"


async def test_a_given_secret_file_that_is_missing_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "missing"
    reason = await refused(settings(tmp_path, secret_file=str(path)))
    assert str(reason) == (
        f"cluster.secret_file: {path}: expected a file with the cluster's secret, got No such file or directory"
    )
    assert not path.exists()


@pytest.mark.parametrize(
    ("own", "line"),
    [
        (
            {"listen": "10.0.0.4:8766"},
            (
                "expected a Unix socket or a loopback address between nodes, got '10.0.0.4:8766': "
                "set cluster.tls_certificate, tls_key and tls_ca for any other one"
            ),
        ),
        ({"listen": "everywhere"}, "cluster.listen: expected unix, or a host and a port, got 'everywhere'"),
        ({"advertise": "node-a"}, "cluster.advertise: expected a host and a port, got 'node-a'"),
        ({"advertise": "unix:/tmp/x"}, "cluster.advertise: expected a host and a port, got 'unix:/tmp/x'"),
        (
            {"advertise": "0.0.0.0:8766"},
            "cluster.advertise: expected the host and the port of this node, got '0.0.0.0:8766'",
        ),
        (
            {"tls_certificate": "/nowhere"},
            "expected cluster.tls_certificate, tls_key and tls_ca together, got some of them",
        ),
    ],
)
async def test_an_address_that_is_not_safe_or_unreadable_is_refused(
    tmp_path: Path, own: dict[str, Any], line: str
) -> None:
    reason = await refused(settings(tmp_path, **own))
    assert isinstance(reason, NotSafe)
    assert str(reason) == line


async def test_a_node_that_listens_everywhere_must_say_where_others_find_it(tmp_path: Path) -> None:
    tls = certificate(authority(tmp_path / "ca"), "node").model_dump(
        mode="json", include={"tls_certificate", "tls_key", "tls_ca"}
    )
    reason = await refused(settings(tmp_path, listen="0.0.0.0:0", **tls))
    assert isinstance(reason, CannotListen)
    assert str(reason).startswith(
        "cluster.advertise: expected the address of this node, since cluster.listen is 0.0.0.0:"
    )


async def test_a_node_with_another_secret_than_the_living_nodes_is_refused_at_its_start(tmp_path: Path) -> None:
    async with living_node(settings(tmp_path, "first")):
        given = settings(tmp_path, secret_file=str(secret_file(tmp_path, secrets.token_urlsafe(32))))
        reason = await refused(given)
        assert isinstance(reason, HandshakeRefused)
        assert str(reason).startswith(f"node first at unix:{tmp_path}/first/nodes/1.sock: the peer refused: ")
        assert "a proof of the cluster's secret" in str(reason)
        given = settings(tmp_path, secret_file=str(tmp_path / "first" / "cluster.secret"))
        async with application.running(Settings.model_validate(given)):
            pass  # the right secret
