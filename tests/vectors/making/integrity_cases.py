"""Defects of the credential itself: its tokens, suites and disclosures."""

from __future__ import annotations

from tests.vectors.making import defects as d
from tests.vectors.making.case import EMPTY, UNREADABLE, bad
from tests.vectors.making.recipe import Recipe
from tests.vectors.making.world import FIELDS, INDEX

INTEGRITY_CASES = {
    "disclosure_tampered": bad(
        "A field's value was changed.", Recipe(bundle=d.change_disclosure), "integrity_disclosure"
    ),
    "disclosure_extra": bad("A field was added.", Recipe(bundle=d.add_disclosure), "integrity_disclosure"),
    "disclosure_repeated": bad(
        "A disclosure stands twice.", Recipe(bundle=d.repeat_disclosure), "integrity_disclosure"
    ),
    "disclosure_padded": bad(
        "A disclosure has another base64 spelling.", Recipe(bundle=d.break_disclosure), "integrity_disclosure"
    ),
    "disclosure_names_sd": bad(
        "A signed disclosure names the claim _sd.", Recipe(fields=FIELDS | {"_sd": []}), "integrity_disclosure"
    ),
    "disclosure_replaces_claim": bad(
        "A signed disclosure names vct, which the payload has.",
        Recipe(fields=FIELDS | {"vct": "x"}),
        "integrity_disclosure",
    ),
    "disclosure_nested": bad(
        "A field holds digests of its own.", Recipe(fields=FIELDS | {"degree": {"_sd": []}}), "integrity_disclosure"
    ),
    "suites_swapped": bad(
        "gm stands in the place of intl and intl in that of gm.", Recipe(bundle=d.swap_suites), UNREADABLE
    ),
    "suites_differ_jti": bad(
        "The suites carry different jti.",
        Recipe(payload=d.only("intl", lambda p: p.update(jti="urn:uuid:0190f6f0-5c00-7a00-8000-000000000002"))),
        "integrity_suites_differ",
    ),
    "suites_differ_status_index": bad(
        "The suites carry different indices into the status list.",
        Recipe(payload=d.only("intl", lambda p: p["status"]["status_list"].update(idx=INDEX + 1))),
        "integrity_suites_differ",
    ),
    "suites_differ_digest_count": bad(
        "One suite has a digest more than the other.",
        Recipe(payload=d.only("intl", lambda p: p["_sd"].append("A" * 43))),
        "integrity_suites_differ",
    ),
    "suite_dropped": bad(
        "Both suites were issued and logged; the bundle carries one.",
        Recipe(bundle=d.drop_suite),
        "inclusion_entry_mismatch",
    ),
    "signature_tampered": bad(
        "A sign of the gm signature was changed: neither key nor log entry fits.",
        Recipe(bundle=d.flip_signature),
        {"integrity": "integrity_signature", "inclusion": "inclusion_entry_mismatch"},
    ),
    "signature_bad_and_logged": bad(
        "A token with a bad signature was logged as it is.",
        Recipe(signed=lambda jwt, suite: d.signature_flipped(jwt) if suite == "intl" else jwt),
        "integrity_signature",
    ),
    "signed_by_another_school": bad(
        "Signed with another school's issuing keys.", Recipe(keys="other school issuing"), "integrity_signature"
    ),
    "signed_by_another_school_under_our_kid": bad(
        "Signed with another school's key under the kid of the leaf's.",
        Recipe(signed=d.with_header("gm", "other school issuing", kid=d.kid("university issuing", "gm"))),
        "integrity_signature",
    ),
    "signed_by_federation_key": bad(
        "Signed with the school's federation keys, which sign no credentials.",
        Recipe(keys="university federation"),
        "integrity_signature",
    ),
    "key_not_in_leaf": bad(
        "Signed with keys of the school that its statement does not name.",
        Recipe(keys="university issuing, next"),
        "integrity_signature",
    ),
    "alg_none": bad("The intl token says alg none.", Recipe(signed=d.alg_none), UNREADABLE),
    "alg_hs256": bad("The intl token is an HMAC under the public key.", Recipe(signed=d.alg_hs256), UNREADABLE),
    "alg_es256_with_sm2_key": bad(
        "The intl token says ES256, names the SM2 key, and is signed with it.",
        Recipe(signed=d.es256_with_sm2_key),
        "integrity_signature",
    ),
    "alg_es256_in_gm": bad("The gm token says ES256.", Recipe(signed=d.with_header("gm", alg="ES256")), UNREADABLE),
    "typ_status_list": bad(
        "The province's status list token poses as the intl credential.",
        Recipe(bundle=lambda b: b["credential"].update(intl=b["status"]["intl"])),
        UNREADABLE,
    ),
    "typ_other": bad("The credential's typ is JWT.", Recipe(signed=d.with_header("intl", typ="JWT")), UNREADABLE),
    "header_crit": bad("The header marks an extension as critical.", Recipe(signed=d.with_crit), UNREADABLE),
    "sd_alg_borrowed": bad(
        "The gm suite names the hash of the other suite.",
        Recipe(payload=d.only("gm", lambda p: p.update(_sd_alg="sha-256"))),
        UNREADABLE,
    ),
    "sd_repeated": bad(
        "_sd holds a digest twice.",
        Recipe(payload=lambda p, _: p["_sd"].append(p["_sd"][0])),
        UNREADABLE,
    ),
    "duplicate_key_in_payload": bad(
        "A signed payload names iss twice.", Recipe(signed=d.duplicate_in_payload), UNREADABLE
    ),
    "credential_missing": bad(
        "The bundle has no credential.", Recipe(bundle=lambda b: b.pop("credential")), UNREADABLE
    ),
    "duplicate_key": bad(
        "The bundle names its credential twice.",
        Recipe(),
        EMPTY,
        text=lambda text: text.replace('"key_binding":null', '"key_binding":null,"credential":{}'),
        time=None,
    ),
    "truncated": bad(
        "The file was cut in the middle.", Recipe(), EMPTY, text=lambda text: text[: len(text) // 2], time=None
    ),
    "format_other": bad(
        "A bundle of another format.", Recipe(bundle=d.bundle_with(format="xinji/bundle/3")), EMPTY, time=None
    ),
}
