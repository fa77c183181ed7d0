"""TLS at the gateway: a certificate from a Secret, exchanged while requests run; the real Envoy."""

import asyncio
import datetime as dt
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Gateway, probe, running_gateway, until
from tests.gateway.volumes import SecretVolume

ENDS = dt.datetime(2100, 1, 2, tzinfo=dt.UTC)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


def pair(authority: trustme.CA) -> dict[str, bytes]:
    """The entries of a Secret of type kubernetes.io/tls."""
    issued = authority.issue_cert("localhost", not_after=ENDS)
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    return {"tls.crt": chain, "tls.key": issued.private_key_pem.bytes()}


@pytest.fixture
async def secure(tmp_path: Path, authority: trustme.CA) -> AsyncIterator[Gateway]:
    """A gateway with a certificate."""
    certificate = SecretVolume(tmp_path / "tls")
    certificate.write(pair(authority))
    async with running_gateway(tmp_path, certificate=certificate) as running:
        yield running


def certificate_of(gateway: Gateway) -> SecretVolume:
    assert gateway.certificate is not None
    return gateway.certificate


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def _shown(gateway: Gateway, context: ssl.SSLContext) -> tuple[int, ssl.SSLObject]:
    """The serial number of the certificate that a new connection is shown, and the connection's TLS."""
    _, writer = await asyncio.open_connection(
        "localhost", gateway.ports["tls"], ssl=context, server_hostname="localhost"
    )
    found: ssl.SSLObject = writer.get_extra_info("ssl_object")
    writer.transport.abort()
    certificate = found.getpeercert()
    assert certificate is not None
    return int(str(certificate["serialNumber"]), 16), found


async def _ask(gateway: Gateway, session: aiohttp.ClientSession, *, stream: bool = False) -> int:
    body = {"model": "chat", "messages": [], "stream": stream}
    async with session.post(f"{gateway.secure_url}/v1/chat/completions", json=body) as response:
        text = await response.text()
        assert not stream or text.endswith("data: [DONE]\n\n")
        return response.status


async def test_clients_are_served_over_tls_and_told_when_it_ends(
    secure: Gateway, authority: trustme.CA
) -> None:
    context = trusting(authority)
    context.set_alpn_protocols(["h2", "http/1.1"])
    old = trusting(authority)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with FakeEngine("one") as one:
        secure.pods(only=[one])
        await secure.tell({"only": 100})
        await until(lambda: probe(secure))
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusting(authority))
        ) as session:
            status = await _ask(secure, session)
        plain = await secure.ask()
        _, shown = await _shown(secure, context)
        with pytest.raises(ssl.SSLError):
            await _shown(secure, old)
        expires = await secure.admin.expires()
        told = await secure.admin.metrics(secure.agent.report())

    assert (status, plain.status) == (200, 200)
    assert shown.selected_alpn_protocol() == "h2"
    assert expires == ENDS
    assert "deepseek_gateway_certificate_expiry_timestamp_seconds 4.1025312e+09" in told
    assert 'deepseek_gateway_secret_current{secret="tls"} 1.0' in told
    assert certificate_of(secure).folder.joinpath("tls.key").read_text() not in secure.log


async def test_a_certificate_is_exchanged_under_load_without_a_request_lost(
    secure: Gateway, authority: trustme.CA
) -> None:
    context = trusting(authority)
    async with (
        FakeEngine("one") as one,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=0)) as kept,
    ):
        one.behave(tokens=3, between_tokens=0.05)
        secure.pods(only=[one])
        await secure.tell({"only": 100})
        await until(lambda: probe(secure))
        stop = asyncio.Event()
        staying: Counter[int] = Counter()
        new: Counter[int] = Counter()
        loads = asyncio.gather(
            _load(secure, stop, kept, staying), _load_anew(secure, stop, context, new)
        )
        seen = set()
        for turn in range(1, 4):
            await until(lambda turn=turn: min(staying.total(), new.total()) > 4 * turn)
            before, _tls = await _shown(secure, context)
            seen.add(before)
            certificate_of(secure).write(pair(authority))
            await until(lambda: _is_other(secure, context, seen))
        stop.set()
        await loads

    assert len(seen) == 3
    assert (set(staying), set(new)) == ({200}, {200})


async def _is_other(gateway: Gateway, context: ssl.SSLContext, seen: set[int]) -> bool:
    number, _ = await _shown(gateway, context)
    return number not in seen


async def _load(
    gateway: Gateway, stop: asyncio.Event, session: aiohttp.ClientSession, found: Counter[int]
) -> None:
    """Streams on connections that stay."""
    while not stop.is_set():
        found.update(await asyncio.gather(*(_ask(gateway, session, stream=True) for _ in range(4))))


async def _load_anew(
    gateway: Gateway, stop: asyncio.Event, context: ssl.SSLContext, found: Counter[int]
) -> None:
    """Each request on a connection of its own."""
    connector = aiohttp.TCPConnector(ssl=context, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        while not stop.is_set():
            found[await _ask(gateway, session)] += 1


async def test_a_broken_pair_changes_nothing_and_is_told(
    secure: Gateway, authority: trustme.CA
) -> None:
    context = trusting(authority)
    async with FakeEngine("one") as one:
        secure.pods(only=[one])
        await secure.tell({"only": 100})
        await until(lambda: probe(secure))
        good, _tls = await _shown(secure, context)
        other = pair(authority)
        for broken, said in (
            ({**other, "tls.key": pair(authority)["tls.key"]}, "is not the key of the certificate"),
            ({"tls.crt": other["tls.crt"]}, "has no tls.key"),
            ({**other, "tls.crt": b"nonsense"}, "are no pair in PEM"),
            ({}, "has no tls.crt"),
        ):
            certificate_of(secure).write(broken)
            await until(lambda said=said: said in str(secure.agent.secrets()["tls"]["trouble"]))
            assert (await _shown(secure, context))[0] == good
        # What it is told otherwise it goes on following.
        await secure.tell({"only": 100}, limits={"bodyBytes": 2048})
        certificate_of(secure).write(other)
        await until(lambda: _is_other(secure, context, {good}))

    assert secure.agent.secrets()["tls"] == {"held": True, "trouble": []}


async def test_what_envoy_itself_refuses_is_told_and_holds_up_nothing(
    secure: Gateway, authority: trustme.CA
) -> None:
    """OpenSSL reads it and Envoy does not: a key on the curve P-224."""
    odd = _odd_pair()
    async with FakeEngine("one") as one:
        secure.pods(only=[one])
        await secure.tell({"only": 100})
        await until(lambda: probe(secure))
        good, _tls = await _shown(secure, trusting(authority))
        certificate_of(secure).write(odd)
        [said] = await until(lambda: secure.agent.secrets()["tls"]["trouble"])
        # Another listener, which would meet it too.
        version = secure.send({"only": 100}, limits={"bodyBytes": 2048})
        await until(lambda: secure.agent.server.taken.version == version)
        assert (await _shown(secure, trusting(authority)))[0] == good
        certificate_of(secure).write(pair(authority))
        await until(lambda: _is_other(secure, trusting(authority), {good}))
        await until(lambda: not secure.agent.secrets()["tls"]["trouble"])

    assert "Envoy does not take it" in said


def _odd_pair() -> dict[str, bytes]:
    key = ec.generate_private_key(ec.SECP224R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), ENDS.replace(year=2020), ENDS
    )
    return {
        "tls.crt": builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
        "tls.key": key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    }
