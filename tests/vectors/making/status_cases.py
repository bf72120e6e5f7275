"""What status lists say, and their defects."""

from __future__ import annotations

from tests.vectors.making import defects as d
from tests.vectors.making.case import bad
from tests.vectors.making.keys import jwks
from tests.vectors.making.recipe import Recipe, packed
from tests.vectors.making.world import BASE, DAY, LIST_URI, LISTED, LISTED_UNTIL, NOW, Accreditation, status_chain


def unlogged_service() -> list[Accreditation]:
    chain = status_chain()
    chain[0].logged = False
    return chain


def service_of_another_province() -> list[Accreditation]:
    chain = status_chain()
    chain[0].payload |= {"iss": f"{BASE}/authorities/610000", "sub": f"{BASE}/authorities/610000/status"}
    chain[0].payload["metadata"]["xinji_status_provider"]["province"] = ["61"]
    chain[0].signer, chain[0].code = "root 61", "0000610000"
    return chain


STATUS_CASES = {
    "status_stale": bad("The list has expired.", Recipe(), "status_stale", now=LISTED_UNTIL, verdict="incomplete"),
    "status_of_the_future": bad(
        "The list was made more than five minutes after the verifier's present.",
        Recipe(),
        "status_stale",
        now=LISTED - 301,
        verdict="incomplete",
    ),
    "status_stale_revoked": bad(
        "An expired list says revoked.", Recipe(state=1), "status_stale", now=LISTED_UNTIL, verdict="incomplete"
    ),
    "revoked": bad("Revoked, without a reason.", Recipe(state=1), "status_revoked", verdict="revoked"),
    "revoked_with_reason": bad(
        "Revoked, with a signed reason.", Recipe(state=1, statement={}), "status_revoked", verdict="revoked"
    ),
    "suspended": bad(
        "Suspended.", Recipe(state=2, statement={"reason": "under_review"}), "status_suspended", verdict="suspended"
    ),
    "superseded": bad(
        "Superseded.",
        Recipe(state=3, statement={"reason": "data_corrected"}),
        "status_superseded",
        verdict="superseded",
    ),
    "revoked_reason_disagrees": bad(
        "Revoked; the signed reason speaks of a suspension and is not shown.",
        Recipe(state=1, statement={"status": 2}),
        "status_revoked",
        verdict="revoked",
    ),
    "revoked_and_tampered": bad(
        "Revoked, and a field was changed: the mismatch is the verdict.",
        Recipe(state=1, bundle=d.change_disclosure),
        {"integrity": "integrity_disclosure", "status": "status_revoked"},
    ),
    "revoked_since_shared": bad(
        "The bundle's list has expired; the fresh one says revoked.",
        Recipe(),
        "status_revoked",
        now=NOW + DAY,
        status=lambda: d.fresh_status(state=1),
        verdict="revoked",
    ),
    "status_missing": bad("The bundle has no status.", Recipe(bundle=d.bundle_with(status=None)), "status_missing"),
    "status_suite_missing": bad(
        "Two suites of the credential, one status list.",
        Recipe(bundle=lambda b: b["status"].pop("gm")),
        "status_missing",
    ),
    "status_list_of_another_uri": bad(
        "The list is another of the same province.",
        Recipe(listed=lambda p: p.update(sub=LIST_URI.replace("/1", "/2"))),
        "status_mismatch",
    ),
    "status_index_out_of_range": bad(
        "The list ends before the credential's index.",
        Recipe(listed=lambda p: p["status_list"].update(lst=packed({}, entries=1024))),
        "status_mismatch",
    ),
    "status_bits_1": bad(
        "A list of one bit a credential.", Recipe(listed=lambda p: p["status_list"].update(bits=1)), "status_mismatch"
    ),
    "status_list_unreadable": bad(
        "lst is not a zlib stream.", Recipe(listed=lambda p: p["status_list"].update(lst="AAAA")), "status_mismatch"
    ),
    "status_suites_disagree": bad(
        "gm says valid, intl says revoked.", Recipe(state=0, intl_state=1), "status_mismatch"
    ),
    "status_signature_tampered": bad(
        "A sign of the list's signature was changed.",
        Recipe(bundle=lambda b: b["status"].update(intl=d.signature_flipped(b["status"]["intl"]))),
        "status_signature",
    ),
    "status_signed_by_the_school": bad(
        "The school signed the list.", Recipe(status_keys="university issuing"), "status_signature"
    ),
    "status_service_of_another_province": bad(
        "The list is signed by the status service of another province of the trust file.",
        Recipe(
            status_chain=service_of_another_province(),
            listed=lambda p: p.update(iss=f"{BASE}/authorities/610000/status"),
        ),
        "status_signature",
        trust=d.trust_with(
            lambda p: p["roots"].append(
                {"entity_id": f"{BASE}/authorities/610000", "provinces": ["61"], "jwks": jwks("root 61")}
            )
        ),
    ),
    "status_service_unlogged": bad(
        "The status service's statement has no inclusion proof.",
        Recipe(status_chain=unlogged_service()),
        "status_signature",
    ),
    "status_service_missing": bad(
        "The status service's statement is missing.",
        Recipe(bundle=lambda b: b["status"].update(accreditation=[])),
        "status_signature",
    ),
    "status_service_expired": bad(
        "The status service's accreditation had ended when it signed.",
        Recipe(status_chain=d.expired(status_chain(), LISTED)),
        "status_signature",
    ),
}
