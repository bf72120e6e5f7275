"""Chains of statements: the honest ones hold, and each kind of forgery fails with its own code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.jose import SUITES, sign_jwt
from ledger.registry.chain import Accredited, Link, Root, verify_chain, verify_status_service
from ledger.registry.entities import parse_entity_id
from ledger.registry.errors import (
    AccreditationExpiredError,
    BrokenLinkError,
    CodeMismatchError,
    CredentialTypeNotAllowedError,
    InvalidEntityError,
    InvalidStatementError,
    MissingKeyError,
    NotYetAccreditedError,
    PathTooLongError,
    ProvinceNotAllowedError,
    RegistryError,
    SchoolTypeNotAllowedError,
    StatementCompromisedError,
    StatementRetiredError,
    StatementSignatureError,
    UnknownRootError,
    UnsupportedPolicyError,
)
from ledger.registry.statement import ISSUER, STATUS_PROVIDER, TYP, Names
from ledger.registry.statement_status import TYP as STATUS_TYP
from ledger.registry.statement_status import State, StatementStatus, status_payload
from tests.unit.ledger.federation import (
    AT,
    CITY,
    COUNTY,
    DIPLOMA,
    EXPIRES,
    ISSUED,
    OTHER_PROVINCE,
    PROVINCE,
    SCHOOL,
    SCORES,
    STATUS_SERVICE,
    UNIVERSITY,
    Organisation,
    authority_of,
    public,
    school_of,
    seconds,
    status_service_of,
)

province, city, county = Organisation(PROVINCE), Organisation(CITY), Organisation(COUNTY)
university, school, stranger = Organisation(UNIVERSITY), Organisation(SCHOOL), Organisation(OTHER_PROVINCE)
service = Organisation(STATUS_SERVICE)
TRUSTED = [stranger.root("61"), province.root("41")]


def check(
    links: Sequence[Link], *, suite: str = "gm", at: datetime = AT, roots: Sequence[Root] = TRUSTED
) -> Accredited:
    return verify_chain(links, roots, at=at, suite=suite)


def fails(error: type[RegistryError], links: Sequence[Link], **options: Any) -> RegistryError:
    """Assert that `links` fail in both suites alike; return the error."""
    raised = []
    for suite in SUITES:
        with pytest.raises(error) as info:
            check(links, suite=suite, **options)
        assert type(info.value) is error
        raised.append(info.value)
    return raised[0]


def edited(signer: Organisation, payload: dict[str, Any], **changes: Any) -> Link:
    """Return a statement that `signer` signed with some claims changed, whatever that makes of it."""
    return Link(signer.sign({**payload, **changes}))


@dataclass
class Village:
    """A chain of three: county about the school, city about the county, province about the city."""

    school: dict[str, Any] = field(default_factory=lambda: school_of(school))
    county: dict[str, Any] = field(default_factory=lambda: authority_of(longest=1))
    city: dict[str, Any] = field(default_factory=lambda: authority_of(longest=2))

    def links(self) -> list[Link]:
        return [
            county.accredits(school, self.school),
            city.accredits(county, self.county),
            province.accredits(city, self.city),
        ]


direct = [province.accredits(university, school_of(university))]
village = Village().links()


@pytest.mark.parametrize("suite", SUITES)
def test_a_university_directly_below_the_province(suite: str) -> None:
    found = check(direct, suite=suite)
    assert (found.code, found.entity_id) == ("4141010459", UNIVERSITY)
    assert found.keys == (university.service[suite].public,)
    assert found.credential_types == (DIPLOMA,)
    assert found.names == Names("郑州大学", "Zhengzhou University")
    assert [node.entity_id for node in found.path] == [UNIVERSITY, PROVINCE]
    found.require_type(DIPLOMA)
    with pytest.raises(CredentialTypeNotAllowedError):
        found.require_type(SCORES)


@pytest.mark.parametrize("suite", SUITES)
def test_a_school_below_county_city_and_province(suite: str) -> None:
    found = check(village, suite=suite)
    assert found.code == "3441999001"
    assert [node.entity_id for node in found.path] == [SCHOOL, COUNTY, CITY, PROVINCE]
    assert found.path[1].names == Names("示范教育局")
    assert found.path[-1].names is None


def test_only_the_one_suite_that_there_is_need_be_there() -> None:
    only = [Link({"intl": direct[0].tokens["intl"]})]
    assert check(only, suite="intl").code == "4141010459"
    with pytest.raises(MissingKeyError):
        check(only, suite="gm")


def test_no_chain_and_an_endless_one() -> None:
    fails(BrokenLinkError, [])
    fails(BrokenLinkError, village * 3)


def test_a_root_that_is_not_in_the_trust_file() -> None:
    fails(UnknownRootError, direct, roots=[stranger.root("41")])
    fails(UnknownRootError, direct, roots=[])
    fails(UnknownRootError, village[:2])


def test_a_root_with_the_right_name_and_other_keys() -> None:
    imposter = Organisation(PROVINCE)
    fails(StatementSignatureError, [imposter.accredits(university, school_of(university))])


def test_a_wrong_superior_in_the_middle() -> None:
    other = Organisation(COUNTY)
    fails(StatementSignatureError, [other.accredits(school, school_of(school)), *village[1:]])
    # A sound statement of a sound county, that was never accredited by this city.
    elsewhere = Organisation("http://localhost:8000/authorities/410123")
    fails(StatementSignatureError, [elsewhere.accredits(school, school_of(school)), *village[1:]])
    # A key of the right superior, in somebody else's name.
    lent = Organisation(elsewhere.entity_id, federation=county.federation)
    fails(BrokenLinkError, [lent.accredits(school, school_of(school)), *village[1:]])


def test_a_school_that_accredits_another() -> None:
    payload = {**city.payload(county, authority_of()), "iss": UNIVERSITY, "sub": SCHOOL, **school_of(school)}
    fails(BrokenLinkError, [edited(university, payload), *direct])
    # Nor under an authority's name: what stands above must be about an authority.
    payload = {**province.payload(university, school_of(university)), "iss": CITY}
    fails(BrokenLinkError, [edited(university, payload), *direct])


def test_issuing_keys_sign_no_statements() -> None:
    lent = Organisation(COUNTY, federation=school.service)
    fails(StatementSignatureError, [lent.accredits(school, school_of(school)), *village[1:]])


def test_somebody_twice_on_the_path() -> None:
    # The province accredits the city, which accredits the province again, and so on down.
    back = Organisation(PROVINCE, federation=province.federation)
    loop = [province.accredits(city, authority_of()), city.accredits(back, authority_of(longest=5))]
    fails(
        BrokenLinkError,
        [city.accredits(school, school_of(school)), *loop, province.accredits(city, authority_of(longest=5))],
    )


@pytest.mark.parametrize(("place", "level"), [(1, "county"), (2, "city")])
def test_a_path_that_is_too_long(place: int, level: str) -> None:
    chain = Village(**{level: authority_of(longest=place - 1)})
    fails(PathTooLongError, chain.links())


def test_a_school_may_be_told_that_nobody_stands_between() -> None:
    claims = {**school_of(school), "constraints": {"max_path_length": 0}}
    assert check([county.accredits(school, claims), *village[1:]]).code == "3441999001"


def test_another_province() -> None:
    abroad = Organisation("http://localhost:8000/schools/4161010698")
    chain = [province.accredits(abroad, school_of(abroad))]
    fails(ProvinceNotAllowedError, chain)
    assert check(chain, roots=[province.root("41", "61")]).code == "4161010698"
    # Below a city that may accredit in its province only.
    wide = [city.accredits(abroad, school_of(abroad)), province.accredits(city, authority_of())]
    fails(ProvinceNotAllowedError, wide, roots=[province.root("41", "61")])
    # An authority of another province on the way.
    away = Organisation("http://localhost:8000/authorities/610100")
    fails(
        ProvinceNotAllowedError, [away.accredits(school, school_of(school)), province.accredits(away, authority_of())]
    )


@pytest.mark.parametrize("level", ["city", "county"])
def test_a_limit_of_each_superior_counts(level: str) -> None:
    fails(SchoolTypeNotAllowedError, Village(**{level: authority_of(school_types=("41",))}).links())
    fails(ProvinceNotAllowedError, Village(**{level: authority_of(provinces=())}).links())
    fails(CredentialTypeNotAllowedError, Village(**{level: authority_of(credential_types=(SCORES,))}).links())


def test_a_subordinate_does_not_widen_its_limits() -> None:
    narrow = authority_of(credential_types=(SCORES,))
    fails(CredentialTypeNotAllowedError, Village(city=narrow, county=authority_of()).links())


def test_a_claim_that_is_only_partly_allowed_fails_as_a_whole() -> None:
    chain = Village(school=school_of(school, DIPLOMA, SCORES), city=authority_of(credential_types=(DIPLOMA,)))
    fails(CredentialTypeNotAllowedError, chain.links())


def test_a_policy_that_is_not_understood() -> None:
    claims = authority_of()
    claims["metadata_policy"][ISSUER]["province"] = {"subset_of": ["41"], "value": ["61"]}
    payload = {**province.payload(city, authority_of()), **claims}
    fails(UnsupportedPolicyError, [city.accredits(school, school_of(school)), edited(province, payload)])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("school_code", ["4141010475"]),
        ("province", ["61"]),
        ("school_type", ["42"]),
        ("school_code", ["4141010459", "x"]),
    ],
)
def test_metadata_that_names_another_school(name: str, value: list[str]) -> None:
    claims = school_of(university)
    claims["metadata"][ISSUER][name] = value
    fails(CodeMismatchError, [province.accredits(university, claims)], roots=[province.root("41", "61")])


def test_an_identifier_that_is_none() -> None:
    payload = province.payload(university, school_of(university))
    fails(InvalidEntityError, [edited(province, payload, sub=f"{UNIVERSITY}?x")])
    fails(InvalidEntityError, [edited(province, payload, iss="henan")])
    fails(
        InvalidStatementError,
        [edited(province, payload, iss=UNIVERSITY)],
        roots=[Root(UNIVERSITY, ("41",), public(province.federation))],
    )


second = timedelta(seconds=1)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_time_that_counts_lies_within_every_statement(place: int) -> None:
    signer, subject, claims = [
        (county, school, school_of(school)),
        (city, county, authority_of()),
        (province, city, authority_of()),
    ][place]
    begin, end = AT, AT + timedelta(days=1)
    payload = {**signer.payload(subject, claims), "iat": seconds(begin), "exp": seconds(end)}
    links = [*village[:place], edited(signer, payload), *village[place + 1 :]]
    assert check(links, at=begin).code == "3441999001"
    assert check(links, at=end - second).code == "3441999001"
    fails(NotYetAccreditedError, links, at=begin - second)
    fails(AccreditationExpiredError, links, at=end)


def test_expired_today_is_no_matter() -> None:
    long_after = EXPIRES + timedelta(days=4000)
    assert check(direct, at=AT)
    fails(AccreditationExpiredError, direct, at=long_after)
    fails(NotYetAccreditedError, direct, at=ISSUED - second)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("state", "error"), [(State.RETIRED, StatementRetiredError), (State.COMPROMISED, StatementCompromisedError)]
)
def test_a_later_status_leaves_earlier_times_valid(place: int, state: State, error: type[RegistryError]) -> None:
    superior, subject = [(county, school), (city, county), (province, city)][place]
    since = AT
    links = list(village)
    links[place] = superior.says(links[place], subject, state, since=since, at=since)
    assert check(links, at=since - second).code == "3441999001"
    fails(error, links, at=since)
    fails(error, links, at=since + timedelta(days=300))


def test_a_compromise_may_reach_back() -> None:
    told = province.says(direct[0], university, State.COMPROMISED, since=ISSUED, at=AT + timedelta(days=9))
    fails(StatementCompromisedError, [told])


def test_a_status_by_somebody_else_or_of_another_statement() -> None:
    imposter = Organisation(PROVINCE)
    told = imposter.says(direct[0], university, State.RETIRED, since=AT, at=AT)
    fails(StatementSignatureError, [told], at=AT)
    other = province.accredits(university, school_of(university, SCORES))
    of_another = province.says(other, university, State.RETIRED, since=AT, at=AT).status
    fails(BrokenLinkError, [direct[0]._replace(status=of_another)], at=AT)
    subject = parse_entity_id(SCHOOL)
    commitment = direct[0].commitment(parse_entity_id(UNIVERSITY))
    of_somebody_else = StatementStatus(
        parse_entity_id(PROVINCE), subject, commitment, State.RETIRED, seconds(AT), seconds(AT)
    )
    strange = province.sign(status_payload(of_somebody_else), STATUS_TYP)
    fails(BrokenLinkError, [direct[0]._replace(status=strange)], at=AT)
    of_the_school = county.says(village[0], school, State.RETIRED, since=AT, at=AT).status
    fails(StatementSignatureError, [direct[0]._replace(status=of_the_school)], at=AT)
    fails(MissingKeyError, [direct[0]._replace(status={})], at=AT)


def test_a_statement_posing_as_a_status_and_the_reverse() -> None:
    fails(StatementSignatureError, [direct[0]._replace(status=direct[0].tokens)])
    told = province.says(direct[0], university, State.RETIRED, since=AT, at=AT)
    fails(StatementSignatureError, [Link(told.status or {})])


def test_suites_that_say_different_things() -> None:
    other = province.accredits(university, school_of(university, SCORES))
    for mixed in (
        {"gm": direct[0].tokens["gm"], "intl": other.tokens["intl"]},
        {"gm": other.tokens["gm"], "intl": direct[0].tokens["intl"]},
    ):
        fails(StatementSignatureError, [Link(mixed)])


def test_a_token_of_one_suite_in_the_place_of_the_other() -> None:
    swapped = {"gm": direct[0].tokens["intl"], "intl": direct[0].tokens["gm"]}
    fails(StatementSignatureError, [Link(swapped)])


def test_tokens_that_are_none() -> None:
    for token in ("", "a.b.c", "..", direct[0].tokens["gm"] + "x", "x" * 70_000, "例"):
        fails(StatementSignatureError, [Link({"gm": token, "intl": token})])


def test_a_payload_changed_after_signing() -> None:
    payload = {**province.payload(university, school_of(university)), "exp": seconds(EXPIRES) + 1}
    forged = {}
    for suite, token in direct[0].tokens.items():
        head, _, signature = token.split(".")
        body = sign_jwt(payload, province.federation[suite], typ=TYP).split(".")[1]
        forged[suite] = f"{head}.{body}.{signature}"
    fails(StatementSignatureError, [Link(forged)])


def test_the_order_of_the_statements_matters() -> None:
    fails(UnknownRootError, village[::-1])
    fails(StatementSignatureError, [village[1], village[0], village[2]])
    fails(StatementSignatureError, [village[0], village[2]])


def test_a_chain_must_end_at_a_school() -> None:
    fails(BrokenLinkError, village[1:])
    fails(BrokenLinkError, [province.accredits(service, status_service_of(service))])


@pytest.mark.parametrize("suite", SUITES)
def test_a_status_service(suite: str) -> None:
    links = [province.accredits(service, status_service_of(service))]
    found = verify_status_service(links, TRUSTED, at=AT, suite=suite)
    assert (found.entity_id, found.provinces) == (STATUS_SERVICE, ("41",))
    assert found.keys == (service.service[suite].public,)
    with pytest.raises(BrokenLinkError):
        verify_status_service(direct, TRUSTED, at=AT, suite=suite)
    with pytest.raises(ProvinceNotAllowedError):
        verify_status_service(links, [province.root("61")], at=AT, suite=suite)
    claims = status_service_of(service)
    claims["metadata"][STATUS_PROVIDER]["province"] = ["41", "61"]
    with pytest.raises(CodeMismatchError):
        verify_status_service([province.accredits(service, claims)], TRUSTED, at=AT, suite=suite)


def test_a_status_service_beyond_its_limit() -> None:
    limit = {"metadata_policy": {STATUS_PROVIDER: {"province": {"subset_of": ["61"]}}}}
    links = [province.accredits(service, {**status_service_of(service), **limit})]
    with pytest.raises(ProvinceNotAllowedError):
        verify_status_service(links, TRUSTED, at=AT, suite="gm")


def test_a_status_service_accredits_nobody() -> None:
    payload = {**province.payload(university, school_of(university)), "iss": STATUS_SERVICE}
    above = province.accredits(service, status_service_of(service))
    fails(BrokenLinkError, [edited(service, payload), above])


def test_a_chain_without_keys_of_the_suite() -> None:
    lone = Organisation(UNIVERSITY, service={"intl": university.service["intl"]})
    links = [province.accredits(lone, school_of(lone))]
    assert check(links, suite="intl").keys == (lone.service["intl"].public,)
    with pytest.raises(MissingKeyError):
        check(links, suite="gm")


@given(st.sampled_from(SUITES), st.integers(0, 2), st.data())
def test_no_changed_sign_of_a_token_survives(suite: str, place: int, data: st.DataObject) -> None:
    token = village[place].tokens[suite]
    at = data.draw(st.integers(0, len(token) - 1))
    sign = data.draw(st.sampled_from("ABCDEFabcdef0123456789-_.~ ").filter(lambda new: new != token[at]))
    broken = {**village[place].tokens, suite: token[:at] + sign + token[at + 1 :]}
    links = [*village[:place], Link(broken), *village[place + 1 :]]
    with pytest.raises(RegistryError):
        check(links, suite=suite)


def test_the_time_is_a_moment_and_no_wall_clock() -> None:
    beijing = AT.astimezone(UTC) + timedelta(microseconds=999_999)
    assert check(direct, at=beijing).code == "4141010459"
    assert parse_entity_id(UNIVERSITY).province == "41"
