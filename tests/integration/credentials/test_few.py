"""Which schools have few holders: people count, not credentials, and not what other schools issued."""

from __future__ import annotations

from credentials import store
from credentials.few import few_holders
from tests.integration.credentials.campus import ZZU, Campus

OTHER = "4141010460"


def test_schools_with_few_holders(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    campus.issue_to(3)
    few_of_four, few_of_three = few_holders(4), few_holders(3)
    with campus.by.database.read() as session:
        assert store.holders(session, ZZU, 100) == 3
        assert store.holders(session, ZZU, 2) == 2
        assert few_of_four(session, {ZZU, OTHER}) == {ZZU, OTHER}
        assert few_of_three(session, {ZZU, OTHER}) == {OTHER}
        assert few_of_three(session, set()) == set()
