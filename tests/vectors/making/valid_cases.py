"""Bundles that are good, in every shape that is allowed."""

from __future__ import annotations

from tests.vectors.making import defects as d
from tests.vectors.making.case import good
from tests.vectors.making.keys import b64, sha256
from tests.vectors.making.lines import cosignature, forged
from tests.vectors.making.recipe import Recipe
from tests.vectors.making.world import A_ED25519, B_ED25519, C_SM2, DAY, NOW, STRANGER, T

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
        status=d.fresh_status,
    ),
    "valid_reason_of_another_status": good(
        "The list says valid; a signed statement that says otherwise is not shown and fails nothing.",
        Recipe(statement={"status": 1}),
    ),
}
