"""A credential of a closed log, and status keys that came later: they are proved in the log of the new year."""

from __future__ import annotations

from tests.integration.credentials.campus import Campus
from tests.integration.credentials.december import DECEMBER, NEW, ORIGIN, December
from tests.integration.credentials.test_status_rotation import key_of_list, rotate_whole, verdict


def test_keys_that_came_after_the_end_of_a_log_are_proved_in_the_next(sqlite_campus: Campus) -> None:
    campus = sqlite_campus
    campus.clock.move(DECEMBER - campus.clock.now())
    campus.publish()
    december = December(campus)
    (old,) = campus.issue_to()
    before = campus.bundle(old)
    december.to_the_end()
    campus.publish()
    rotate_whole(campus)
    bundle = campus.bundle(old)
    assert key_of_list(bundle) != key_of_list(before)
    assert (bundle["log"]["origin"], bundle["status"]["log"]["origin"]) == (ORIGIN, NEW)
    assert bundle["format"] == "xinji/bundle/2"
    assert verdict(campus, bundle) == "valid"
