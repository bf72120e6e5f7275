"""From a file of graduates to diplomas that somebody else's software verifies."""

from __future__ import annotations

from credentials import batch_store
from credentials.certificate_number import faults
from tests.integration.credentials.campus import ZZU, Campus, table


def test_a_file_becomes_diplomas_that_verify(campus: Campus) -> None:
    people = campus.roster.enrol(ZZU, 120)
    batch_id = campus.issue(table(people))
    campus.publish()
    with campus.by.database.read() as session:
        batch = batch_store.batch(session, batch_id)
        assert batch is not None
        assert (batch.state, batch.good, batch.issued, batch.clashed) == ("done", 120, 120, 0)
    (credential,) = campus.of(people[7].person_id)
    report = campus.verify(campus.bundle(credential))
    assert report["verdict"]["code"] == "valid", report
    assert report["credential"]["claims"]["name"] == people[7].name
    assert (
        faults(report["credential"]["claims"]["certificate_number"], school_code=ZZU, graduation_year=2026, level="21")
        == []
    )
