"""A daemon that speaks TLS: its commands trust its own certificate, and nobody else's."""

import stat
from pathlib import Path

from agents.client import Client
from agents.node.state_files import ADDRESS
from agents.rehearsal import RehearsalServer
from tests.agents.daemon.daemons import daemon, refused, understudy
from tests.agents.gateway.certificates import Signed, self_signed


def flags(signed: Signed) -> tuple[str, ...]:
    certificate, key = signed
    return ("--set", f"gateway.tls_certificate={certificate}", "--set", f"gateway.tls_key={key}")


async def test_commands_and_clients_find_it_though_its_certificate_is_for_another_name(
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
        told = folder / ADDRESS
        assert stat.S_IMODE(told.stat().st_mode) == 0o600
        assert "PRIVATE KEY" not in told.read_text()
        assert await running.stopped() == 0


async def test_an_address_that_shows_a_certificate_of_its_own_making_is_not_trusted(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    async with daemon(server, folder, *flags(await self_signed(tmp_path))) as running:
        code, out, err = await understudy("ps", "--url", running.url, "--token-file", str(folder / "token"))
        assert (code, out) == (2, "")
        assert err == f"understudy: {running.url}: its certificate is not trusted, or it does not use TLS\n"


async def test_a_certificate_that_is_of_no_use_is_told_before_anything_starts(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    signed = await self_signed(tmp_path)
    code, said = await refused(server, folder, *flags(Signed(signed.certificate, tmp_path / "gone")))
    assert code == 2
    assert said.startswith("understudy: expected a certificate and its key, as PEM, in ")
    assert said.endswith(f"got no {tmp_path / 'gone'}\n")
    assert not folder.exists()
