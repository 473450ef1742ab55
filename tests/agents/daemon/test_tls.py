"""A daemon with TLS: its commands trust its own certificate and no other."""

import stat
from pathlib import Path

from agents.client import Client
from agents.node.state_files import ADDRESS
from agents.rehearsal import RehearsalServer
from tests.agents.cli.forked import understudy
from tests.agents.daemon.daemons import daemon, refused
from tests.agents.gateway.certificates import Signed, self_signed


def flags(signed: Signed) -> tuple[str, ...]:
    certificate, key = signed
    return ("--set", f"gateway.tls_certificate={certificate}", "--set", f"gateway.tls_key={key}")


async def test_commands_and_clients_connect_with_a_certificate_for_another_name(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    signed = await self_signed(tmp_path, "chat.example.org")
    certificate = signed.certificate.read_bytes().replace(b" CERTIFICATE", b" X509 CERTIFICATE")
    signed.certificate.write_bytes("Müller's\n".encode("latin-1") + certificate + signed.key.read_bytes())
    async with daemon(server, folder, *flags(Signed(signed.certificate, signed.certificate))) as running:
        assert running.url.startswith("https://127.0.0.1:")
        assert (await understudy("ps", "--state-dir", str(folder)))[0] == 0
        async with Client.found(folder) as client:
            assert await client.get("/readyz") == {"status": "ready"}
        address_file = folder / ADDRESS
        assert stat.S_IMODE(address_file.stat().st_mode) == 0o600
        assert "PRIVATE KEY" not in address_file.read_text()
        assert await running.stopped() == 0


async def test_a_url_with_a_self_signed_certificate_is_not_trusted(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    async with daemon(server, folder, *flags(await self_signed(tmp_path))) as running:
        code, out, err = await understudy("ps", "--url", running.url, "--token-file", str(folder / "token"))
        assert (code, out) == (4, "")
        assert err == f"understudy: {running.url}: its certificate is not trusted, or it does not use TLS\n"


async def test_a_useless_certificate_is_reported_before_anything_starts(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    signed = await self_signed(tmp_path)
    code, err = await refused(server, folder, *flags(Signed(signed.certificate, tmp_path / "gone")))
    assert code == 2
    assert err.startswith("understudy: expected a certificate and its key, as PEM, in ")
    assert err.endswith(f"got no {tmp_path / 'gone'}\n")
    assert not folder.exists()
