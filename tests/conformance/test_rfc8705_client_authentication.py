"""RFC 8705 §2: mutual TLS for client authentication, over a TLS listener; RFC 9440 carries the certificate."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509

from crypto.keyring import KeyRing
from crypto.keys import ES256, PrivateKey, generate_key
from idp.errors import InvalidClientMetadataError
from idp.oauth.clients.certificates import is_registered, names_client
from idp.oauth.clients.metadata import ClientMetadata
from kernel.clock import ManualClock
from kernel.db import Database
from tests.integration.idp.certificates import Pair, named, trusting
from tests.integration.idp.conftest import World
from tests.integration.idp.terminator import serving, terminating

CALLBACK = "https://platform.example/callback"
NAMES = (
    x509.DNSName("platform.example"),
    x509.UniformResourceIdentifier("https://platform.example/client"),
    x509.IPAddress(ip_address("192.0.2.9")),
    x509.RFC822Name("Ops@Platform.example"),
)


class Listener:
    """The provider behind a TLS listener, and platforms' certificates."""

    def __init__(self, world: World, folder: Path, stack: ExitStack) -> None:
        self.world = world
        self.folder = folder
        self.authority = Pair(named("Test authority"))
        self.good = Pair(named("platform.example"), issuer=self.authority, names=NAMES)
        self.own = Pair(named("self"))
        path = folder / "s"
        stack.enter_context(serving(world.app, path))
        self.port = stack.enter_context(terminating(folder, path, self.authority, self.own))

    def revoke(self, client_id: str, pair: Pair | None, headers: dict[str, str] | None = None, **form: str) -> int:
        tls = trusting(self.authority)
        if pair is not None:
            tls.load_cert_chain(pair.save(self.folder, "client"))
        with httpx.Client(verify=tls, trust_env=False) as client:
            data = {"token": "xat_unknown", "client_id": client_id, **form}
            return client.post(f"https://127.0.0.1:{self.port}/oauth/revoke", data=data, headers=headers).status_code


@pytest.fixture
def listener(sqlite_database: Database, keyring: KeyRing) -> Iterator[Listener]:
    world = World(sqlite_database, ManualClock(datetime.now(UTC)), keyring)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        yield Listener(world, Path(folder), stack)


def platform(world: World, **metadata: Any) -> str:
    method = {"token_endpoint_auth_method": "tls_client_auth", "redirect_uris": [CALLBACK]}
    return world.platform(**method | metadata).client_id


def test_rfc8705_2_certificate_over_tls_authenticates_the_client(listener: Listener) -> None:
    client_id = platform(listener.world, tls_client_auth_san_dns="platform.example")
    assert listener.revoke(client_id, listener.good) == 200
    assert listener.revoke(client_id, None) == 401
    assert listener.revoke(client_id, Pair(named("x"), issuer=listener.authority)) == 401
    forged = f":{base64.b64encode(listener.good.der).decode()}:"
    assert listener.revoke(client_id, None, {"Client-Cert": forged}) == 401


def test_rfc8705_2_client_id_is_required(listener: Listener) -> None:
    client_id = platform(listener.world, tls_client_auth_san_dns="platform.example")
    assert listener.revoke("", listener.good) == 401
    assert listener.revoke(client_id + "x", listener.good) == 401


def test_rfc8705_2_1_subject_dn_of_a_chain_that_the_listener_trusts(listener: Listener) -> None:
    client_id = platform(listener.world, tls_client_auth_subject_dn="CN=platform.example,O=示范单位,C=CN")
    assert listener.revoke(client_id, listener.good) == 200
    other = Pair(named("platform.example", "别的单位"), issuer=listener.authority)
    assert listener.revoke(client_id, other) == 401
    stranger = Pair(named("platform.example"))  # The same name, signed by nobody that the listener trusts.
    with pytest.raises((httpx.TransportError, httpx.ProtocolError)):
        listener.revoke(client_id, stranger)


def test_rfc8705_2_2_self_signed_certificate_of_the_registered_keys(listener: Listener) -> None:
    chain = [base64.b64encode(listener.own.der).decode()]
    key = PrivateKey(ES256, listener.own.key).public.jwk
    for jwk in ({**key, "x5c": chain}, dict(key)):
        client_id = platform(
            listener.world, token_endpoint_auth_method="self_signed_tls_client_auth", jwks={"keys": [jwk]}
        )
        assert listener.revoke(client_id, listener.own) == 200
        assert listener.revoke(client_id, listener.good) == 401
        assert listener.revoke(client_id, None) == 401


def test_rfc8705_2_another_method_is_not_replaced_by_a_certificate(listener: Listener) -> None:
    by_secret = listener.world.platform(redirect_uris=[CALLBACK], token_endpoint_auth_method="client_secret_post")
    assert listener.revoke(by_secret.client_id, listener.good) == 401
    assert listener.revoke(by_secret.client_id, listener.good, client_secret=by_secret.client_secret or "") == 200
    by_name = platform(listener.world, tls_client_auth_san_dns="platform.example")
    assert listener.revoke(by_name, listener.good, client_secret="x") == 401


NOW = datetime.now(UTC)
AUTHORITY = Pair(named("Test authority"))
GOOD = Pair(named("platform.example"), issuer=AUTHORITY, names=NAMES)


@pytest.mark.parametrize(
    ("member", "right", "wrong"),
    [
        (
            "tls_client_auth_subject_dn",
            [
                "CN=platform.example,O=示范单位,C=CN",
                "cn=Platform.Example, O=示范单位, c=cn",
                "2.5.4.3=platform.example,O=示范单位,C=CN",
            ],
            ["CN=platform.example", "C=CN,O=示范单位,CN=platform.example", "CN=platform.example+O=示范单位,C=CN", "x"],
        ),
        (
            "tls_client_auth_san_dns",
            ["platform.example", "PLATFORM.example"],
            ["example", "*.example", "www.platform.example", "platform.example."],
        ),
        (
            "tls_client_auth_san_uri",
            ["https://platform.example/client"],
            ["https://platform.example/", "platform.example"],
        ),
        ("tls_client_auth_san_ip", ["192.0.2.9"], ["192.0.2.1", "::ffff:192.0.2.9", "192.0.2.9/32", "nothing"]),
        ("tls_client_auth_san_email", ["Ops@platform.EXAMPLE"], ["ops@platform.example", "Ops@other.example", "Ops"]),
    ],
)
def test_rfc8705_2_1_2_each_name_is_compared_as_its_kind(member: str, right: list[str], wrong: list[str]) -> None:
    for text in right:
        assert names_client(GOOD.der, ClientMetadata.model_validate({member: text}), NOW)
    for text in wrong:
        assert not names_client(GOOD.der, ClientMetadata.model_validate({member: text}), NOW)


def test_rfc8705_2_1_a_certificate_past_its_time_or_unreadable_proves_nothing() -> None:
    metadata = ClientMetadata(tls_client_auth_san_dns="platform.example")
    assert names_client(GOOD.der, metadata, NOW)
    for der, moment in (
        (GOOD.der, NOW + timedelta(days=31)),
        (GOOD.der, NOW - timedelta(days=31)),
        (GOOD.der[:-1], NOW),
        (GOOD.der + b"x", NOW),
        (b"", NOW),
        (b"x" * 20_000, NOW),
        (None, NOW),
    ):
        assert not names_client(der, metadata, moment)
    assert not names_client(GOOD.der, ClientMetadata(), NOW)


def test_rfc8705_2_1_2_exactly_one_name_is_registered(small_world: World) -> None:
    for names in (
        {},
        {"tls_client_auth_san_dns": "a.example", "tls_client_auth_san_ip": "192.0.2.9"},
        {"tls_client_auth_subject_dn": "not a name"},
        {"tls_client_auth_san_ip": "nothing"},
        {"tls_client_auth_san_dns": ""},
    ):
        with pytest.raises(InvalidClientMetadataError):
            platform(small_world, **names)
    with pytest.raises(InvalidClientMetadataError):
        platform(small_world, token_endpoint_auth_method="client_secret_basic", tls_client_auth_san_dns="a.example")


def test_rfc8705_2_2_2_self_signed_needs_registered_keys(small_world: World) -> None:
    with pytest.raises(InvalidClientMetadataError) as refused:
        platform(small_world, token_endpoint_auth_method="self_signed_tls_client_auth")
    assert refused.value.params["field"] == "jwks"


def test_rfc8705_2_2_another_key_or_a_broken_set_proves_nothing() -> None:
    own = Pair(named("self"))
    other = generate_key(ES256).public.jwk
    renewed = Pair(named("self"), key=own.key)
    chain = base64.b64encode(own.der).decode()
    assert is_registered(renewed.der, {"keys": [{"kty": "EC", "x5c": [chain]}]}, NOW)
    sets: tuple[Any, ...] = ([other], [{**other, "x5c": ["!"]}], [{**other, "x5c": [7]}], [7], [], {}, [other] * 21)
    for keys in sets:
        assert not is_registered(own.der, {"keys": keys}, NOW)


def test_rfc8705_4_listed_in_the_metadata(small_world: World) -> None:
    found = small_world.browser().http.get("/.well-known/openid-configuration").json()
    assert {"tls_client_auth", "self_signed_tls_client_auth"} <= set(found["token_endpoint_auth_methods_supported"])
