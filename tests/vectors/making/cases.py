"""The cases: each a valid bundle, or a bundle with the one defect that its name tells.

What is expected is written here by hand, from the rules in the folder's README; no verifier
is asked. A step that is not named is expected as in a valid bundle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.vectors.making import defects as d
from tests.vectors.making.keys import LOG_SM2, b64, jwks, note_line, sha256
from tests.vectors.making.world import (
    A_ED25519,
    A_SM2,
    B_ED25519,
    BASE,
    C_SM2,
    DAY,
    FIELDS,
    INDEX,
    ISSUED,
    LIST_URI,
    LISTED,
    LISTED_UNTIL,
    NOW,
    ORIGIN,
    OTHER_SCHOOL,
    STRANGER,
    UNIVERSITY,
    Accreditation,
    Recipe,
    T,
    Tree,
    log_lines,
    packed,
    school,
    status_chain,
    trust_file,
    trust_payload,
    university_chain,
)

VALID = {
    "integrity": "integrity_ok",
    "issuer": "issuer_ok",
    "status": "status_ok",
    "inclusion": "inclusion_ok",
    "witnesses": "witnesses_ok",
    "anchor": "anchor_embedded",
    "holder": "holder_not_bound",
}
# Where the credential itself cannot be read, nothing can be tied to it.
UNREADABLE = {
    "integrity": "integrity_malformed",
    "issuer": "issuer_chain",
    "status": "status_mismatch",
    "inclusion": "inclusion_proof",
}
# A bundle that cannot be read is taken for an empty one.
EMPTY = {
    "integrity": "integrity_malformed",
    "issuer": "issuer_chain",
    "status": "status_missing",
    "inclusion": "inclusion_missing",
    "witnesses": "witnesses_missing",
    "anchor": "anchor_absent",
}
NO_TRUST = {
    "issuer": "issuer_no_trust",
    "status": "status_no_trust",
    "inclusion": "inclusion_no_trust",
    "witnesses": "witnesses_none_named",
}
# Without T nobody can say whether the issuer was accredited then.
NO_QUORUM = {"issuer": "issuer_no_trust", "witnesses": "witnesses_quorum"}
NO_WITNESS = {"issuer": "issuer_no_trust", "witnesses": "witnesses_missing"}


@dataclass
class Case:
    """One file: how its bundle is made, and what verifiers must find."""

    about: str
    recipe: Recipe = field(default_factory=Recipe)
    trust: Callable[[], dict[str, Any]] = lambda: trust_file(trust_payload())
    now: int = NOW
    text: Callable[[str], str] | None = None
    status: Callable[[], dict[str, Any]] | None = None
    verdict: str = "mismatch"
    time: int | None = T
    steps: dict[str, str] = field(default_factory=dict)


def good(about: str, recipe: Recipe | None = None, **changes: Any) -> Case:
    return Case(about, recipe or Recipe(), **({"verdict": "valid"} | changes))


def bad(about: str, recipe: Recipe, steps: dict[str, str] | str, **changes: Any) -> Case:
    """Return a case in which the steps named fail; a code alone names its own step."""
    named = {steps.split("_", 1)[0]: steps} if isinstance(steps, str) else steps
    return Case(about, recipe, steps=named, **changes)


def forged(line: str) -> str:
    """Return a signature line with one bit of the signature changed."""
    return line[:-8] + ("A" if line[-8] != "A" else "B") + line[-7:]


def cosigned(*witnesses: Any, more: Callable[[str], list[str]] = lambda _: []) -> Recipe:
    return Recipe(cosigners=[(witness, T) for witness in witnesses], more_lines=more)


def cosignature(witness: tuple[str, str, bytes, str], time: int = T) -> Callable[[str], str]:
    return lambda text: note_line(text, *witness[1:], time=time)


def of_another_tree(bundle: dict[str, Any]) -> None:
    other = Tree("sm3")
    other.fill(21)
    bundle["log"]["path"] = other.proof(bundle["log"]["index"])["path"]


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


def school_below_school() -> list[Accreditation]:
    leaf = school(UNIVERSITY, OTHER_SCHOOL, "other school", zh="假分校", en="Not a School")
    return [Accreditation(leaf, "university federation", "4141010475"), *university_chain()]


def fresh_status(**changes: Any) -> dict[str, Any]:
    """Return what a look-up would bring: a list of the next day, the service's accreditation in the bundle's tree."""
    later = Recipe(listed=lambda p: p.update(iat=LISTED + DAY, exp=LISTED_UNTIL + DAY), **changes)
    return later.lists() | {"accreditation": later.make()["status"]["accreditation"]}


VALID_CASES = {
    "valid_university": good("A university under the province: every field shown, both suites, quorum 2 of 3."),
    "valid_long_chain": good("A school under county, city and province.", d.high_school()),
    "valid_gm_only": good("A school whose policy issues the suite gm alone.", Recipe(suites=("gm",))),
    "valid_intl_only": good("A school whose policy issues the suite intl alone.", Recipe(suites=("intl",))),
    "valid_two_fields": good("The holder shows two fields of fifteen.", Recipe(shown=("name", "level"))),
    "valid_no_field": good("The holder shows no field.", Recipe(shown=())),
    "valid_sha256_log": good(
        "A log that hashes with SHA-256.",
        Recipe(hash_name="sha-256"),
        trust=d.trust_with(lambda p: p["logs"][0].update(hash="sha-256")),
    ),
    "valid_issued_30_days_before": good(
        "iat lies exactly 30 days before T: the last moment that is not back-dated.",
        Recipe(payload=d.said(iat=T - 30 * DAY)),
    ),
    "valid_no_anchor": good(
        "No anchor yet.", Recipe(bundle=d.bundle_with(anchor=None)), steps={"anchor": "anchor_absent"}
    ),
    "valid_anchor_of_a_later_size": good(
        "The anchor covers a larger tree than the checkpoint.",
        Recipe(bundle=lambda b: b["anchor"].update(size=40, root=b64(sha256(b"later root")))),
    ),
    "valid_anchor_elsewhere": good(
        "The anchor is on a chain that this verifier has no node of.",
        Recipe(bundle=lambda b: b["anchor"].update(mode="rpc")),
        steps={"anchor": "anchor_not_checked"},
    ),
    "valid_other_lines": good(
        "Lines by witnesses whom the trust file does not name are passed over.",
        Recipe(more_lines=lambda text: [cosignature(STRANGER)(text)]),
    ),
    "valid_one_forged_cosignature": good(
        "A third cosignature is forged: it does not count, and two good ones are the quorum.",
        Recipe(more_lines=lambda text: [forged(cosignature(C_SM2)(text))]),
    ),
    "valid_quorum_time": good(
        "Three organisations: T is the second-smallest time, not the latest.",
        Recipe(cosigners=[(C_SM2, T + 3600), (A_ED25519, T - 30), (B_ED25519, T)]),
    ),
    "valid_statement_retired_after_t": good(
        "The school's statement was retired later than T; its status was logged before the checkpoint.",
        Recipe(chain=d.chain_with(0, lambda _: None, status={"state": "retired", "since": T + DAY, "iat": T - DAY})),
    ),
    "valid_statement_retired_years_later": good(
        "Retired after the checkpoint: the status cannot stand in its tree, has no proof, and reaches no T before.",
        Recipe(
            chain=d.chain_with(
                0, lambda _: None, status={"state": "retired", "since": NOW, "iat": NOW}, status_logged=False
            )
        ),
    ),
    "valid_statement_compromised_after_t": good(
        "The school's keys count as compromised since later than T.",
        Recipe(chain=d.chain_with(0, lambda _: None, status={"state": "compromised", "since": T + 1, "iat": T - DAY})),
    ),
    "valid_fresh_status": good(
        "The bundle's list has expired; the verifier was given a fresh one.",
        now=NOW + DAY,
        status=fresh_status,
    ),
    "valid_reason_of_another_status": good(
        "The list says valid; a signed statement that says otherwise is not shown and fails nothing.",
        Recipe(statement={"status": 1}),
    ),
}

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
        "A bundle of another format.", Recipe(bundle=d.bundle_with(format="xinji/bundle/2")), EMPTY, time=None
    ),
}

ISSUER_CASES = {
    "accreditation_missing": bad(
        "The bundle has no accreditation.",
        Recipe(bundle=lambda b: b.pop("accreditation")),
        {"integrity": "integrity_signature", "issuer": "issuer_chain"},
    ),
    "leaf_signed_by_wrong_superior": bad(
        "The school's statement names the county and is signed by the city.",
        d.high_school(d.chain_with(0, lambda _: None, long=True, signer="city federation")),
        "issuer_chain",
    ),
    "leaf_signed_by_itself": bad(
        "The school signed its own statement.",
        Recipe(chain=d.chain_with(0, lambda _: None, signer="university federation")),
        "issuer_chain",
    ),
    "leaf_signed_by_issuing_key": bad(
        "The county's statement was made with a school's issuing keys.",
        d.high_school(d.chain_with(1, lambda _: None, long=True, signer="university issuing")),
        "issuer_chain",
    ),
    "leaf_tampered": bad(
        "A school type was added to the leaf after it was signed: nothing fits any more.",
        Recipe(bundle=d.tamper_leaf),
        "issuer_chain",
    ),
    "chain_out_of_order": bad(
        "The statements of city and county changed places.",
        d.high_school(bundle=lambda b: b.update(accreditation=[b["accreditation"][i] for i in (0, 2, 1)])),
        "issuer_chain",
    ),
    "chain_ends_below_root": bad(
        "The province's statement about the city is left out.",
        d.high_school(bundle=lambda b: b["accreditation"].pop()),
        "issuer_unknown_root",
    ),
    "chain_below_school": bad(
        "A university accredits another school.",
        Recipe(chain=school_below_school(), issuer=OTHER_SCHOOL, keys="other school issuing"),
        "issuer_chain",
    ),
    "path_too_long": bad(
        "The province allows one authority between itself and a school; two stand there.",
        d.high_school(d.chain_with(2, lambda p: p["constraints"].update(max_path_length=1), long=True)),
        "issuer_chain",
    ),
    "authority_without_limits": bad(
        "The county's statement limits nothing.",
        d.high_school(d.chain_with(1, lambda p: p.pop("metadata_policy"), long=True)),
        "issuer_chain",
    ),
    "statement_suites_differ": bad(
        "The two suites of the leaf statement say different things.",
        Recipe(chain=d.two_stories()),
        {"integrity": "integrity_signature", "issuer": "issuer_chain"},
    ),
    "unknown_root": bad(
        "The trust file names another province's root.",
        Recipe(),
        {"issuer": "issuer_unknown_root", "status": "status_signature"},
        trust=d.trust_with(
            lambda p: p["roots"][0].update(
                entity_id=f"{BASE}/authorities/610000", provinces=["61"], jwks=jwks("root 61")
            ),
            signers=("root 61",),
        ),
    ),
    "root_key_unknown": bad(
        "The trust file has other keys of the root.",
        Recipe(),
        {"issuer": "issuer_chain", "status": "status_signature"},
        trust=d.trust_with(lambda p: p["roots"][0].update(jwks=jwks("root, next")), signers=("root, next",)),
    ),
    "leaf_without_issuer_metadata": bad(
        "The school is a member of the federation and no issuer.",
        Recipe(chain=d.chain_with(0, lambda p: p["metadata"].pop("xinji_credential_issuer"))),
        {"integrity": "integrity_signature", "issuer": "issuer_not_accredited"},
    ),
    "issuer_on_another_host": bad(
        "iss has the school's code under another host.",
        Recipe(issuer="https://elsewhere.example/schools/4141010459"),
        "issuer_not_accredited",
    ),
    "school_type_beyond_policy": bad(
        "The county may not accredit schools of this type.",
        d.high_school(d.chain_with(1, d.policy("school_type", ["21", "31"]), long=True)),
        "issuer_not_accredited",
    ),
    "policy_operator_unknown": bad(
        "A limit is expressed with an operator that verifiers do not know.",
        d.high_school(d.chain_with(1, d.policy("credential_types", ["x"], "superset_of"), long=True)),
        "issuer_chain",
    ),
    "type_not_allowed": bad(
        "The school is accredited for another type of credential.",
        Recipe(chain=d.chain_with(0, d.issuer_metadata(credential_types=["urn:xinji:credential:honour:1"]))),
        "issuer_type",
    ),
    "type_beyond_policy": bad(
        "The county accredits for a type that the city does not allow it.",
        d.high_school(d.chain_with(2, d.policy("credential_types", ["urn:xinji:credential:honour:1"]), long=True)),
        "issuer_type",
    ),
    "other_province": bad(
        "The school's metadata claims a second province.",
        Recipe(chain=d.chain_with(0, d.issuer_metadata(province=["41", "61"]))),
        "issuer_province",
    ),
    "province_beyond_policy": bad(
        "The county is limited to another province.",
        d.high_school(d.chain_with(1, d.policy("province", ["61"]), long=True)),
        "issuer_province",
    ),
    "province_beyond_root": bad(
        "The trust file ties the root to another province.",
        Recipe(),
        {"issuer": "issuer_province", "status": "status_signature"},
        trust=d.trust_with(lambda p: p["roots"][0].update(provinces=["61"])),
    ),
    "code_mismatch_iss": bad(
        "iss is another school of the same province.", Recipe(issuer=OTHER_SCHOOL), "issuer_code_mismatch"
    ),
    "code_mismatch_leaf": bad(
        "The leaf's metadata has another school's code.",
        Recipe(chain=d.chain_with(0, d.issuer_metadata(school_code=["4141010475"]))),
        "issuer_code_mismatch",
    ),
    "code_mismatch_entry": bad(
        "The log entry stands under another school's code.",
        Recipe(entry=lambda entry: entry[:1] + b"4141010475" + entry[11:]),
        "issuer_code_mismatch",
    ),
    "statement_unlogged": bad(
        "The school's statement has no inclusion proof.",
        Recipe(chain=d.chain_with(0, lambda _: None, logged=False)),
        "issuer_unlogged",
    ),
    "statement_proof_of_another_leaf": bad(
        "The county's statement comes with the city's proof.",
        d.high_school(
            bundle=lambda b: b["accreditation"][1].update(proof=b["accreditation"][2]["proof"]),
        ),
        "issuer_unlogged",
    ),
    "statement_expired_at_t": bad(
        "The school's statement had expired at T.",
        Recipe(chain=d.chain_with(0, lambda p: p.update(exp=T))),
        "issuer_expired",
    ),
    "statement_begins_after_t": bad(
        "The city was accredited after T.",
        d.high_school(d.chain_with(2, lambda p: p.update(iat=T + 1), long=True)),
        "issuer_expired",
    ),
    "statement_retired_at_t": bad(
        "The school's statement was retired at T.",
        Recipe(chain=d.chain_with(0, lambda _: None, status={"state": "retired", "since": T, "iat": T - DAY})),
        "issuer_expired",
    ),
    "statement_compromised_at_t": bad(
        "The school's keys count as compromised since T.",
        Recipe(chain=d.chain_with(0, lambda _: None, status={"state": "compromised", "since": T, "iat": T - DAY})),
        "issuer_compromised",
    ),
    "statement_compromised_found_later": bad(
        "Years later the keys are found to have been compromised before T; that status is in no tree of the bundle.",
        Recipe(
            chain=d.chain_with(
                0, lambda _: None, status={"state": "compromised", "since": T - DAY, "iat": NOW}, status_logged=False
            )
        ),
        "issuer_compromised",
    ),
    "superior_compromised_at_t": bad(
        "The county's keys count as compromised since before T.",
        d.high_school(
            d.chain_with(
                1, lambda _: None, long=True, status={"state": "compromised", "since": T - DAY, "iat": T - DAY}
            )
        ),
        "issuer_compromised",
    ),
    "statement_status_of_another": bad(
        "The statement comes with the status of another statement.",
        Recipe(
            chain=d.chain_with(
                0, lambda _: None, status={"state": "retired", "since": NOW, "iat": T, "statement": "00" * 32}
            )
        ),
        "issuer_chain",
    ),
    "statement_status_badly_signed": bad(
        "The school itself signed the status of its statement.",
        Recipe(
            chain=d.chain_with(
                0,
                lambda _: None,
                status={"state": "retired", "since": NOW, "iat": T},
                status_signer="university federation",
            )
        ),
        "issuer_chain",
    ),
    "backdated": bad(
        "iat lies a second more than 30 days before T.",
        Recipe(payload=d.said(iat=T - 30 * DAY - 1)),
        "issuer_backdated",
    ),
    "issued_after_t": bad("iat lies after T.", Recipe(payload=d.said(iat=ISSUED + DAY)), "issuer_backdated"),
}

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
        "Suspended.", Recipe(state=2, statement={"reason": "investigation"}), "status_suspended", verdict="suspended"
    ),
    "superseded": bad(
        "Superseded.", Recipe(state=3, statement={"reason": "corrected"}), "status_superseded", verdict="superseded"
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
        status=lambda: fresh_status(state=1),
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

LOG_CASES = {
    "proof_of_another_tree": bad("The path is of another tree.", Recipe(bundle=of_another_tree), "inclusion_proof"),
    "proof_of_another_index": bad(
        "The path is right, the leaf index is not.",
        Recipe(bundle=lambda b: b["log"].update(index=b["log"]["index"] + 1)),
        "inclusion_proof",
    ),
    "proof_cut": bad(
        "The path lacks its last hash.", Recipe(bundle=lambda b: b["log"]["path"].pop()), "inclusion_proof"
    ),
    "proof_extended": bad(
        "The path has a hash too many.",
        Recipe(bundle=lambda b: b["log"]["path"].append(b["log"]["path"][0])),
        "inclusion_proof",
    ),
    "proof_index_beyond_tree": bad(
        "The leaf index lies beyond the tree.", Recipe(bundle=d.log_with(index=21)), "inclusion_proof"
    ),
    "entry_of_another_credential": bad(
        "Entry and proof are those of another credential.",
        Recipe(entry=lambda e: e[:11] + sha256(b"other")),
        "inclusion_entry_mismatch",
    ),
    "entry_of_another_type": bad(
        "The commitment stands in an entry of type 3.",
        Recipe(entry=lambda e: b"\x03" + e[1:]),
        "inclusion_entry_mismatch",
    ),
    "log_missing": bad(
        "The bundle has no log part.",
        Recipe(bundle=lambda b: b.pop("log")),
        {
            "issuer": "issuer_unlogged",
            "status": "status_signature",
            "inclusion": "inclusion_missing",
            "witnesses": "witnesses_missing",
        },
        time=None,
    ),
    "log_entry_missing": bad(
        "The log part lacks the entry.", Recipe(bundle=lambda b: b["log"].pop("entry")), "inclusion_missing"
    ),
    "log_unknown": bad(
        "The trust file names another log.",
        Recipe(),
        "inclusion_unknown_log",
        trust=d.trust_with(lambda p: p["logs"][0].update(origin="henan.example/log/2027")),
    ),
    "checkpoint_of_another_origin": bad(
        "The checkpoint is of another log whose keys are the same.",
        Recipe(bundle=d.log_with(origin="henan.example/log/2027")),
        "inclusion_checkpoint_signature",
        trust=d.trust_with(lambda p: p["logs"].append(p["logs"][0] | {"origin": "henan.example/log/2027"})),
    ),
    "checkpoint_forged_sm2_line": bad(
        "The log's SM2 line is forged, its Ed25519 line is good.",
        Recipe(log_lines=lambda text: [forged(log_lines(text)[0]), log_lines(text)[1]]),
        "inclusion_checkpoint_signature",
    ),
    "checkpoint_forged_ed25519_line": bad(
        "The log's Ed25519 line is forged, its SM2 line is good.",
        Recipe(log_lines=lambda text: [log_lines(text)[0], forged(log_lines(text)[1])]),
        "inclusion_checkpoint_signature",
    ),
    "checkpoint_without_sm2_line": bad(
        "The log's SM2 line is missing.",
        Recipe(log_lines=lambda text: log_lines(text)[1:]),
        "inclusion_checkpoint_signature",
    ),
    "checkpoint_signed_by_another_log": bad(
        "The SM2 line is another log's under this one's name.",
        Recipe(log_lines=lambda text: [note_line(text, ORIGIN, LOG_SM2, "another log"), log_lines(text)[1]]),
        "inclusion_checkpoint_signature",
    ),
    "checkpoint_unreadable": bad(
        "The checkpoint is no signed note.",
        Recipe(bundle=d.log_with(checkpoint="henan.example/log\n21\n")),
        {
            "issuer": "issuer_unlogged",
            "status": "status_signature",
            "inclusion": "inclusion_checkpoint_signature",
            "witnesses": "witnesses_missing",
        },
        time=None,
    ),
    "checkpoint_of_another_tree": bad(
        "The root was changed under the old signatures: every proof, signature and anchor disagrees.",
        Recipe(bundle=d.change_root),
        {
            "issuer": "issuer_unlogged",
            "status": "status_signature",
            "inclusion": "inclusion_checkpoint_signature",
            "witnesses": "witnesses_quorum",
            "anchor": "anchor_mismatch",
        },
        time=None,
    ),
}

WITNESS_CASES = {
    "no_cosignature": bad("Nobody cosigned the checkpoint.", cosigned(), NO_WITNESS, time=None),
    "cosignature_by_a_stranger": bad(
        "Two cosignatures by one whom the trust file does not name.",
        cosigned(STRANGER, more=lambda text: [cosignature(STRANGER, T + 1)(text)]),
        NO_WITNESS,
        time=None,
    ),
    "one_cosignature": bad("One organisation of the two required.", cosigned(B_ED25519), NO_QUORUM, time=None),
    "same_organisation_twice": bad(
        "Two keys of one organisation count once.", cosigned(A_SM2, A_ED25519), NO_QUORUM, time=None
    ),
    "cosignature_forged": bad(
        "The second cosignature is forged.",
        cosigned(B_ED25519, more=lambda text: [forged(cosignature(C_SM2)(text))]),
        NO_QUORUM,
        time=None,
    ),
    "cosignature_time_changed": bad(
        "The time of a cosignature was changed.",
        cosigned(B_ED25519, more=lambda text: [d.earlier(cosignature(C_SM2)(text))]),
        NO_QUORUM,
        time=None,
    ),
    "cosignature_without_time": bad(
        "The witness signed the note as a log does, without a time.",
        cosigned(B_ED25519, more=lambda text: [d.untimed(text, C_SM2)]),
        NO_QUORUM,
        time=None,
    ),
    "witness_policy_empty": bad(
        "The trust file names no witness: the log is vouched for by its operator alone.",
        Recipe(),
        {"issuer": "issuer_no_trust", "witnesses": "witnesses_none_named"},
        trust=d.trust_with(lambda p: p.update(witness_policy={"quorum": 0, "witnesses": []})),
        verdict="operator_only",
        time=None,
    ),
}

OTHER_CASES = {
    "anchor_contradicts_root": bad(
        "The anchor has the checkpoint's size and another root.",
        Recipe(bundle=lambda b: b["anchor"].update(root=b64(sha256(b"other root")))),
        "anchor_mismatch",
    ),
    "anchor_too_small": bad(
        "The anchor covers fewer entries than the checkpoint.",
        Recipe(bundle=lambda b: b["anchor"].update(size=20)),
        "anchor_mismatch",
    ),
    "anchor_malformed": bad(
        "The anchor has no root.", Recipe(bundle=lambda b: b["anchor"].pop("root")), "anchor_mismatch"
    ),
    "key_binding_of_nobody": bad(
        "Something poses as key binding.", Recipe(bundle=d.bundle_with(key_binding="a.b.c")), "holder_failed"
    ),
    "trust_expired": bad(
        "The trust file has expired.",
        Recipe(),
        NO_TRUST,
        trust=d.trust_with(lambda p: p.update(expires_at="2026-07-01T04:00:00Z")),
        verdict="incomplete",
        time=None,
    ),
    "trust_of_the_future": bad(
        "The trust file was made after the verifier's present.",
        Recipe(),
        NO_TRUST,
        trust=d.trust_with(lambda p: p.update(issued_at="2026-07-01T05:00:00Z")),
        verdict="incomplete",
        time=None,
    ),
    "trust_signed_by_a_stranger": bad(
        "The trust file is not signed by its roots.",
        Recipe(),
        NO_TRUST,
        trust=d.trust_with(lambda _: None, signers=("root 61",)),
        verdict="incomplete",
        time=None,
    ),
    "trust_tampered": bad(
        "The trust file was changed after it was signed.",
        Recipe(),
        NO_TRUST,
        trust=d.tampered_trust,
        verdict="incomplete",
        time=None,
    ),
    "trust_expired_and_tampered": bad(
        "The trust file has expired, and a field of the credential was changed.",
        Recipe(bundle=d.change_disclosure),
        NO_TRUST | {"integrity": "integrity_disclosure"},
        trust=d.trust_with(lambda p: p.update(expires_at="2026-07-01T04:00:00Z")),
        time=None,
    ),
}

CASES: dict[str, Case] = (
    VALID_CASES | INTEGRITY_CASES | ISSUER_CASES | STATUS_CASES | LOG_CASES | WITNESS_CASES | OTHER_CASES
)
