"""A platform reads the credentials that the holder let it read, and no others."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from credentials.models import Credential
from credentials.platform_access import Readable, Reading
from tests.integration.credentials.campus import ZZU, Campus
from tests.integration.credentials.site import Site, make_site

DIPLOMA = "urn:xinji:credential:diploma:1"
HONOUR = "urn:xinji:credential:honour:1"


class Gate:
    """Stands for the identity provider: the token is the name of what may be read."""

    def __init__(self) -> None:
        self.readings: dict[str, Reading] = {}
        self.asked: list[str] = []

    async def __call__(self, request: Request, path: str) -> Reading | Response:
        self.asked.append(path)
        found = self.readings.get(request.headers.get("authorization", ""))
        return found or JSONResponse({"error": "invalid_token"}, 401, {"WWW-Authenticate": "Bearer"})


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def site(sqlite_campus: Campus, gate: Gate) -> Site:
    site = make_site(sqlite_campus)
    site.client.app.state.token_gate = gate  # type: ignore[attr-defined]  # the client's app is untyped
    return site


def granted(gate: Gate, credential: Credential, *, types: set[str], issuers: set[str] | None = None) -> None:
    readable = (Readable(frozenset(types), frozenset(issuers or ())),)
    gate.readings["Bearer t"] = Reading(credential.person_id, "xc_1", readable, {"DPoP-Nonce": "n1"})


def test_a_platform_reads_what_was_granted_and_can_verify_it(site: Site, gate: Gate) -> None:
    mine, other = site.campus.issue_to(2)
    granted(gate, mine, types={DIPLOMA})
    answer = site.client.get("/api/credentials", headers={"authorization": "Bearer t"})
    assert answer.json() == {"credentials": [{"id": str(mine.id), "type": DIPLOMA, "issuer": ZZU, "status": "valid"}]}
    assert (answer.headers["cache-control"], answer.headers["dpop-nonce"]) == ("no-store", "n1")
    bundle = site.client.get(f"/api/credentials/{mine.id}", headers={"authorization": "Bearer t"}).json()
    report = site.campus.verify(bundle)
    assert report["verdict"]["code"] == "valid"
    assert gate.asked == ["/api/credentials"] * 2
    foreign = site.client.get(f"/api/credentials/{other.id}", headers={"authorization": "Bearer t"})
    missing = site.client.get("/api/credentials/nonsense", headers={"authorization": "Bearer t"})
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert foreign.json()["type"] == missing.json()["type"]


@pytest.mark.parametrize(
    ("types", "issuers"), [({HONOUR}, set()), (set(), set()), ({DIPLOMA}, {"4141010475"}), ({HONOUR}, {ZZU})]
)
def test_what_was_not_granted_is_not_there(site: Site, gate: Gate, types: set[str], issuers: set[str]) -> None:
    (mine,) = site.campus.issue_to()
    granted(gate, mine, types=types, issuers=issuers)
    headers = {"authorization": "Bearer t"}
    assert site.client.get("/api/credentials", headers=headers).json() == {"credentials": []}
    assert site.client.get(f"/api/credentials/{mine.id}", headers=headers).status_code == 404


def test_without_a_token_nothing_is_told(site: Site, gate: Gate) -> None:
    (mine,) = site.campus.issue_to()
    for path in ("/api/credentials", f"/api/credentials/{mine.id}"):
        answer = site.client.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert str(mine.id) not in answer.text
    assert len(gate.asked) == 2
