"""Defects of the accreditation, in form, chain, limits, log and time."""

from __future__ import annotations

from tests.vectors.making import defects as d
from tests.vectors.making.case import bad
from tests.vectors.making.keys import jwks
from tests.vectors.making.recipe import Recipe
from tests.vectors.making.world import (
    BASE,
    DAY,
    ISSUED,
    NOW,
    OTHER_SCHOOL,
    UNIVERSITY,
    Accreditation,
    T,
    school,
    university_chain,
)


def school_below_school() -> list[Accreditation]:
    leaf = school(UNIVERSITY, OTHER_SCHOOL, "other school", zh="假分校", en="Not a School")
    return [Accreditation(leaf, "university federation", "4141010475"), *university_chain()]


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
    "type_beyond_policy_in_part": bad(
        "The school's statement names a second type that no superior allows; the first does not excuse it.",
        d.high_school(
            d.chain_with(
                0,
                d.issuer_metadata(credential_types=["urn:xinji:credential:diploma:1", "urn:xinji:credential:degree:1"]),
                long=True,
            )
        ),
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
