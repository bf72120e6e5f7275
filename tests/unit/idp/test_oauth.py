from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.keyed import Keyed
from idp.next_path import local_path
from idp.oauth.authorization.ticket import PARAMETER, new_ticket, read_ticket
from idp.oauth.claims import Affiliation, Subject, age_band, released
from idp.oauth.metadata import provider_metadata
from idp.oauth.pairwise import first_sub, sector_of
from idp.oauth.scopes import CLAIMS, parse_scope, scope_text
from idp.oauth.tokens import values as tokens
from idp.oauth.uris import form_target, with_query

NOW = datetime(2026, 6, 30, 4, 0, 0, 123_456, tzinfo=UTC)
KEYED = Keyed(b"k" * 32)
PAIRS = [("client_id", "c"), ("state", "电&="), ("scope", "openid")]
SUBJECT = Subject(
    name="李雷",
    eid="P7K3W0QR4XT1M1",
    birthdate=date(2004, 3, 2),
    loa="L1",
    affiliations=(
        Affiliation("4141010459", "student", "01", "2022", date(2022, 9, 1)),
        Affiliation("410000", "officer", None, None, None),
    ),
)
texts = st.text(max_size=30)


def test_the_pairwise_sub_is_the_worked_example() -> None:
    # standards: HMAC-SM3 under the key 00..1f over "sub:v1|rp.example.edu.cn|018f…".
    person = UUID("018f3c1e-7b2a-7c4d-9e10-0a1b2c3d4e5f")
    assert first_sub(bytes(range(32)), "rp.example.edu.cn", person) == "oEviHeAz2SIiUXxNqVw_iEhZ3Wkew18SPyb13nep3wU"


@pytest.mark.parametrize(
    ("uris", "sector"),
    [
        (("https://a.edu.cn/1", "https://a.edu.cn:8443/2"), "a.edu.cn"),
        (("https://a.edu.cn/1", "https://b.edu.cn/2"), None),
        (("http://127.0.0.1:8001/cb",), "me"),
        (("http://[::1]/cb", "https://a.edu.cn/"), "me"),
        (("cn.edu.app:/cb",), "me"),
    ],
)
def test_a_sector_is_one_host_or_the_client_itself(uris: tuple[str, ...], sector: str | None) -> None:
    assert sector_of("me", uris) == sector


def test_each_scope_releases_its_claims_and_openid_none() -> None:
    today = date(2026, 6, 30)
    assert released(["openid", "offline_access"], SUBJECT, today) == {}
    assert released(["openid", "profile"], SUBJECT, today) == {"name": "李雷", "age_band": "18+", "loa": "L1"}
    assert released(["eid"], SUBJECT, today) == {"eid": "P7K3W0QR4XT1M1"}
    assert released(["aff"], SUBJECT, today) == {
        "school_code": "4141010459",
        "aff": [
            {"school": "4141010459", "role": "student", "status": "01", "grade": "2022", "since": "2022-09-01"},
            {"authority": "410000", "role": "officer"},
        ],
    }


def test_what_is_not_known_is_left_out() -> None:
    bare = Subject("李雷", "P7K3W0QR4XT1M1", None, "L0", ())
    assert set(released(CLAIMS, bare, date(2026, 6, 30))) == {"name", "loa", "eid", "guardian_of"}


@pytest.mark.parametrize(
    ("born", "band"),
    [
        (date(2012, 7, 1), "u14"),
        (date(2012, 6, 30), "14-17"),
        (date(2008, 7, 1), "14-17"),
        (date(2008, 6, 30), "18+"),
        (None, None),
    ],
)
def test_age_bands_change_on_the_birthday(born: date | None, band: str | None) -> None:
    assert age_band(born, date(2026, 6, 30)) == band


def test_somebody_born_on_a_leap_day_comes_of_age() -> None:
    assert age_band(date(2008, 2, 29), date(2026, 2, 28)) == "14-17"
    assert age_band(date(2008, 2, 29), date(2026, 3, 1)) == "18+"


@given(texts)
def test_scopes_are_read_in_our_order_without_what_we_do_not_know(text: str) -> None:
    scopes = parse_scope(text)
    assert parse_scope(scope_text(scopes)) == scopes
    assert set(scopes) <= set(CLAIMS)


@given(st.lists(st.tuples(texts, texts), max_size=5))
def test_a_ticket_fits_its_own_request_and_no_other(pairs: list[tuple[str, str]]) -> None:
    pairs = [pair for pair in pairs if pair[0] not in (PARAMETER, "lang")]
    text = new_ticket(KEYED, pairs, now=NOW)
    ticket = read_ticket(KEYED, [*pairs, (PARAMETER, text)], now=NOW)
    assert ticket
    assert ticket.asked_at == NOW
    assert read_ticket(KEYED, [*pairs, ("x", ""), (PARAMETER, text)], now=NOW) is None
    assert read_ticket(Keyed(b"x" * 32), [*pairs, (PARAMETER, text)], now=NOW) is None


@pytest.mark.parametrize("text", ["", "..", "a.b", "1..x", "1.2.3.4", "电.电.电", "9" * 400 + "..x"])
def test_a_forged_ticket_is_none(text: str) -> None:
    assert read_ticket(KEYED, [*PAIRS, (PARAMETER, text)], now=NOW) is None


def test_a_ticket_ends_after_an_hour_and_keeps_the_chosen_session() -> None:
    text = new_ticket(KEYED, PAIRS, now=NOW, chosen_in=UUID(int=7))
    pairs = [*PAIRS, (PARAMETER, text)]
    kept = read_ticket(KEYED, pairs, now=NOW + timedelta(minutes=59))
    assert kept
    assert kept.chosen_in == str(UUID(int=7))
    assert read_ticket(KEYED, pairs, now=NOW + timedelta(hours=1)) is None
    swapped = text.replace(str(UUID(int=7)), str(UUID(int=8)))
    assert read_ticket(KEYED, [*PAIRS, (PARAMETER, swapped)], now=NOW) is None


def test_the_successor_of_a_refresh_token_is_always_the_same_and_unlike_the_token() -> None:
    pair = tokens.successor(KEYED, "r")
    assert pair == tokens.successor(KEYED, "r")
    assert len({"r", pair.access, pair.refresh}) == 3
    assert pair != tokens.successor(KEYED, "s")
    assert pair != tokens.successor(Keyed(b"x" * 32), "r")


@given(st.lists(st.tuples(st.text(min_size=1, max_size=20), texts), min_size=1, max_size=5))
def test_parameters_survive_the_redirect(params: list[tuple[str, str]]) -> None:
    uri = with_query("https://a.edu.cn/cb?x=%E7%94%B5&y=", params)
    assert uri.startswith("https://a.edu.cn/cb?x=%E7%94%B5&y=&")
    assert uri.isascii()
    assert parse_qsl(urlsplit(uri).query, keep_blank_values=True)[2:] == params


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("https://a.edu.cn/cb?x", "https://a.edu.cn"),
        ("http://127.0.0.1:8001/cb", "http://127.0.0.1:8001"),
        ("http://[::1]:8002/cb", "http:"),
        ("cn.edu.app:/cb", "cn.edu.app:"),
    ],
)
def test_form_action_names_the_host_or_where_its_grammar_cannot_the_scheme(uri: str, target: str) -> None:
    assert form_target(uri) == target


@pytest.mark.parametrize("path", ["/", "/account", "/oauth/authorize?client_id=a&state=%2F%2Fx", "/a?next=//b"])
def test_local_paths_are_kept(path: str) -> None:
    assert local_path(path, otherwise="/no") == path


@pytest.mark.parametrize(
    "path",
    [
        None, "", "account", "//evil", "///evil", "/\\evil", "\\/evil", "https://evil", "http:evil", "javascript:x",
        "/\tevil", "/\n/evil", "/ evil", " /x", "/电", "/a#b", "/%s" % ("x" * 20_000), "/\x00", "/\u2028",
    ],
)  # fmt: skip
def test_everything_else_is_replaced(path: str | None) -> None:
    assert local_path(path, otherwise="/no") == "/no"


@given(st.text(max_size=40))
def test_a_local_path_never_has_a_host(path: str) -> None:
    parts = urlsplit(local_path(path, otherwise="/no"))
    assert (parts.scheme, parts.netloc) == ("", "")
    assert parts.path.startswith("/")
    assert not parts.path.startswith("//")


def test_metadata_hold_what_discovery_requires() -> None:
    told = provider_metadata("https://id.example.edu.cn")
    required = (
        "issuer authorization_endpoint token_endpoint jwks_uri response_types_supported "
        "subject_types_supported id_token_signing_alg_values_supported"
    )
    assert set(required.split()) <= told.keys()
    assert "RS256" in told["id_token_signing_alg_values_supported"]
    assert "none" not in told["id_token_signing_alg_values_supported"]
    endpoints = [value for name, value in told.items() if name.endswith(("_endpoint", "_uri"))]
    assert all(value.startswith("https://id.example.edu.cn/") for value in endpoints)
