"""What is forgotten of shares, and that a month of sharing leaves a flat size."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from credentials import share_lookup, share_store, sharing
from credentials.errors import ShareExpiredError, ShareUnknownError
from credentials.models import Credential, Share, ShareLookup
from credentials.purge import purge
from credentials.share_code import keys_of
from tests.integration.credentials.campus import Campus, holder


def share(campus: Campus, credential: Credential, *, days: int | None = 1, form: str = "f") -> sharing.NewShare:
    person = campus.roster.person(credential.person_id)
    assert person is not None
    wish = sharing.Wish(frozenset({"name"}), days, None, form)
    return sharing.create_share(campus.by, credential.id, wish, actor=holder(person))


def look(campus: Campus, code: str) -> share_lookup.FoundShare:
    return share_lookup.look_up(campus.by, keys_of(code).id, pin=None, address="203.0.113.7")


def test_an_expired_share_is_told_from_an_unknown_one_for_30_days(campus: Campus) -> None:
    (credential,) = campus.issue_to()
    made = share(campus, credential)
    look(campus, made.code)
    campus.clock.move(timedelta(days=1))
    with campus.by.database.write() as session:
        assert purge(session, campus.clock.now()) >= 1
        stored = share_store.share(session, made.share_id)
        assert stored is not None
        assert (stored.ciphertext, stored.nonce) == (None, None)
    with pytest.raises(ShareExpiredError):
        look(campus, made.code)
    campus.clock.move(timedelta(days=31))
    with campus.by.database.write() as session:
        purge(session, campus.clock.now())
        assert session.scalar(select(func.count()).select_from(ShareLookup)) == 0
    with pytest.raises(ShareUnknownError):
        look(campus, made.code)


def test_a_year_of_sharing_leaves_a_flat_size(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    sizes = []
    for week in range(20):
        made = share(campus, credential, days=7, form=f"week {week}")
        look(campus, made.code)
        campus.clock.move(timedelta(days=7))
        campus.publish()
        with campus.by.database.write() as session:
            while purge(session, campus.clock.now()):
                pass
            counts = [session.scalar(select(func.count()).select_from(table)) or 0 for table in (Share, ShareLookup)]
        sizes.append(sum(counts))
    assert max(sizes[10:]) == sizes[10] <= 12


def test_a_share_until_withdrawn_keeps_a_year_of_looks(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    (credential,) = campus.issue_to()
    made = share(campus, credential, days=None)
    look(campus, made.code)
    campus.clock.move(timedelta(days=400))
    campus.publish()
    with campus.by.database.write() as session:
        purge(session, campus.clock.now())
    look(campus, made.code)
    with campus.by.database.read() as session:
        (lookup,) = share_store.lookups_of(session, made.share_id)
    assert lookup.origin == "203.0.0.0/16"
