"""What a row means for a school, and that an import tells nothing about other schools' people."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest

from idp.directory.identity_document import parse_document
from idp.directory.profiles import Profile
from idp.directory.roster.matching import CHANGED, NEW, REVIEW, SAME, WRONG, Decision, Enrolled, Holder, decide
from idp.directory.roster.rows import RosterRow

BORN = date(1949, 12, 31)
DOCUMENT = parse_document("1", "11010519491231002X")
OTHER_DOCUMENT = parse_document("1", "440524188001010014")
INDEX, OTHER_INDEX = b"i" * 32, b"o" * 32
ROW = RosterRow("2022001", "张三", "2", BORN, DOCUMENT, "2022", "1班", None, None, "202209", "01")
PROFILE = Profile("张三", "2", BORN)
ENROLLED = Enrolled(
    person_id=uuid4(),
    profile=PROFILE,
    indexes={INDEX: "1"},
    ours=True,
    level=1,
    place={"grade": "2022", "class_name": "1班", "entered": "202209", "student_status": "01"},
)


def holder(profile: Profile = PROFILE, number: str | None = None) -> Holder:
    return Holder(uuid4(), profile, number)


def test_nobody_known_is_new() -> None:
    assert decide(ROW, INDEX, None, None) == Decision(NEW)


def test_all_of_document_name_and_birth_is_the_same_person_and_looks_new() -> None:
    known = holder()
    assert decide(ROW, INDEX, None, known) == Decision(NEW, known.person_id)
    spelled = holder(PROFILE._replace(name="张 三"))
    assert decide(ROW, INDEX, None, spelled).outcome == NEW


@pytest.mark.parametrize(
    "profile",
    [
        PROFILE._replace(name="李四"),
        PROFILE._replace(birthdate=date(1950, 1, 1)),
        PROFILE._replace(gender="1"),
        PROFILE._replace(name="李四", birthdate=date(1950, 1, 1), gender="1"),
    ],
)
def test_every_partial_match_is_the_same_uniform_review(profile: Profile) -> None:
    assert decide(ROW, INDEX, None, holder(profile)) == Decision(REVIEW)


def test_the_own_roster_is_named_plainly() -> None:
    decision = decide(ROW, INDEX, None, holder(number="2022777"))
    assert decision.outcome == WRONG
    assert decision.fault is not None
    assert (decision.fault.code, decision.fault.params) == ("document_taken", {"number": "2022777"})


def test_equal_rows_are_the_same_and_blank_cells_change_nothing() -> None:
    assert decide(ROW, INDEX, ENROLLED, None).outcome == SAME
    blank = ROW._replace(grade=None, class_name=None, status=None, document=None)
    assert decide(blank, None, ENROLLED, None).outcome == SAME


def test_a_new_class_is_a_change_of_place_only() -> None:
    decision = decide(ROW._replace(class_name="2班"), INDEX, ENROLLED, None)
    assert (decision.outcome, decision.profile, decision.document) == (CHANGED, None, None)
    assert decision.place is not None
    assert decision.place["class_name"] == "2班"


def test_the_school_that_asserted_a_name_may_correct_it() -> None:
    decision = decide(ROW._replace(name="张叁"), INDEX, ENROLLED, None)
    assert decision.outcome == CHANGED
    assert decision.profile == PROFILE._replace(name="张叁")


@pytest.mark.parametrize("enrolled", [replace(ENROLLED, ours=False), replace(ENROLLED, level=2)])
def test_another_schools_word_and_checked_papers_are_not_overwritten(enrolled: Enrolled) -> None:
    for row, index in (
        (ROW._replace(name="张叁"), INDEX),
        (ROW._replace(birthdate=date(1950, 1, 1)), INDEX),
        (ROW._replace(document=OTHER_DOCUMENT), OTHER_INDEX),
    ):
        assert decide(row, index, enrolled, None) == Decision(REVIEW)
    # Spelling, ethnicity and nationality of a row that is not the source are no reason to ask people.
    assert decide(ROW._replace(name="张 三", ethnicity="03"), INDEX, enrolled, None).outcome == SAME


def test_two_differences_are_another_person() -> None:
    for row, index in (
        (ROW._replace(name="李四", birthdate=date(1950, 1, 1)), INDEX),
        (ROW._replace(name="李四", document=OTHER_DOCUMENT), OTHER_INDEX),
        (ROW._replace(birthdate=date(1950, 1, 1), document=OTHER_DOCUMENT), OTHER_INDEX),
    ):
        decision = decide(row, index, ENROLLED, None)
        assert decision.fault is not None
        assert decision.fault.code == "number_taken"


def test_a_corrected_document_number_is_a_change_unless_somebody_else_holds_it() -> None:
    row = ROW._replace(document=OTHER_DOCUMENT)
    assert decide(row, OTHER_INDEX, ENROLLED, None).document == OTHER_DOCUMENT
    assert decide(row, OTHER_INDEX, ENROLLED, holder()) == Decision(REVIEW)
    assert decide(row, OTHER_INDEX, ENROLLED, holder(PROFILE._replace(name="李四"))) == Decision(REVIEW)
    assert decide(row, OTHER_INDEX, ENROLLED, holder(number="2022777")).outcome == WRONG


def test_a_first_document_of_a_provisional_person_is_added() -> None:
    provisional = replace(ENROLLED, indexes={}, level=0)
    decision = decide(ROW, INDEX, provisional, None)
    assert (decision.outcome, decision.document) == (CHANGED, DOCUMENT)
    assert decide(ROW, INDEX, provisional, holder()) == Decision(REVIEW)
