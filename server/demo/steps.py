"""The demo's steps in order. A failing step ends the demo."""

from __future__ import annotations

from server.demo import credential_steps, identity_steps, people, platform_steps
from server.demo.stage import GRADUATES, Demo, saved_accounts


def do_all(demo: Demo) -> None:
    """Do every step, each over HTTP as its user would do it.

    Raises:
        PageError: A page did not offer what its user needs next.
    """
    demo.accounts = saved_accounts(demo.parts.settings)
    roster = people.pupils(GRADUATES, first_number=202210001, birth_year=2004, seed=1)
    identity_steps.officer_registers_schools(demo)
    identity_steps.registrar_imports_roster(demo, roster)
    identity_steps.second_registrar_imports(demo)
    identity_steps.student_activates(demo, roster)
    identity_steps.student_signs_in_on_platforms(demo)
    platform_steps.school_files_a_platform(demo)
    credential_steps.registrar_issues(demo, roster)
    credential_steps.log_is_published(demo)
    credential_steps.holder_shares(demo)
    credential_steps.employer_verifies(demo)
    credential_steps.verifier_checks_offline(demo)
    credential_steps.registrar_revokes(demo, roster)
    credential_steps.start_page_tells(demo)
    for browser in demo.browsers.values():
        browser.close()
