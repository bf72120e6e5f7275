"""Proofs of accreditation: sound ones, questions they do not answer, and forged ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.vectors.making import world
from tests.vectors.making.keys import b64, jwks, sha256
from tests.vectors.making.recipe import Recipe, log_lines
from tests.vectors.making.world import DAY, DIPLOMA, ORIGIN, Accreditation, Change, T, trust_payload, unchanged

UNIVERSITY, HIGH_SCHOOL = "4141010459", "3441999001"
YES = {"log": "log_ok", "witnesses": "witnesses_ok", "chain": "chain_ok", "answer": "answer_yes"}
LATER = T + 40 * DAY


def key_of(name: str, suite: int = 0) -> str:
    return str(jwks(name)["keys"][suite]["kid"])


@dataclass
class ProofCase:
    """One file: a chain, what is asked, and what verifiers must find."""

    about: str
    steps: dict[str, str] = field(default_factory=dict)
    verdict: str = "accredited"
    school: str = UNIVERSITY
    type: str | None = DIPLOMA
    key: str | None = field(default_factory=lambda: key_of("university issuing"))
    at: int = LATER
    recipe: Callable[[], Recipe] = Recipe
    proof: Change = unchanged
    trust: Change = unchanged
    now: int = world.NOW + 60 * DAY

    def make(self) -> dict[str, Any]:
        """Return the proof, as the server makes it of the same parts as a bundle's."""
        bundle = self.recipe().make()
        made = {
            "format": "xinji/accreditation-proof/1",
            "statements": bundle["accreditation"],
            "log": {"origin": ORIGIN, "checkpoint": bundle["log"]["checkpoint"]},
        }
        self.proof(made)
        return made

    def trust_payload(self) -> dict[str, Any]:
        """Return the trust file's payload."""
        payload = trust_payload()
        self.trust(payload)
        return payload


def leaf(**changes: Any) -> Callable[[], Recipe]:
    """The university's statement, with changes to how it is signed, logged or followed up."""

    def recipe() -> Recipe:
        (only,) = world.university_chain()
        for name, value in changes.items():
            setattr(only, name, value)
        return Recipe(chain=[only])

    return recipe


def payload(change: Change) -> Callable[[], Recipe]:
    def recipe() -> Recipe:
        (only,) = world.university_chain()
        change(only.payload)
        return Recipe(chain=[only])

    return recipe


def long(change: Callable[[list[Accreditation]], Any] = lambda _chain: None) -> Callable[[], Recipe]:
    """The high school's chain of three statements."""

    def recipe() -> Recipe:
        links = world.long_chain()
        change(links)
        return Recipe(chain=links)

    return recipe


def wrong(about: str, steps: dict[str, str], verdict: str = "mismatch", **changes: Any) -> ProofCase:
    given = dict(steps)
    if {"log", "chain"} & given.keys():
        given.setdefault("answer", "answer_open")
    return ProofCase(about, given, verdict, **changes)


def no(about: str, code: str, **changes: Any) -> ProofCase:
    return ProofCase(about, {"answer": code}, "not_accredited", **changes)


def said(state: str, since: int, **more: Any) -> dict[str, Any]:
    return {"state": state, "since": since, "iat": since, **more}


HIGH: dict[str, Any] = {"school": HIGH_SCHOOL, "key": None}


def renamed(note: str) -> str:
    """Return the checkpoint under another origin, signed by the log's keys all the same."""
    text = note.partition("\n\n")[0].replace(ORIGIN, "other.example/log", 1) + "\n"
    return text + "\n" + "".join(log_lines(text))


PROOF_CASES = {
    "yes": ProofCase("A university, its type and its SM2 key, forty days later."),
    "yes_other_suite": ProofCase("The same, for its ES256 key.", key=key_of("university issuing", 1)),
    "yes_long_chain": ProofCase("A school under county, city and province.", recipe=long(), **HIGH),
    "yes_whatever_type_and_key": ProofCase("Neither type nor key is asked for.", type=None, key=None),
    "yes_log_among_two": ProofCase(
        "The trust file names the log of another year first, and the end of this one.",
        trust=lambda p: p.update(
            logs=[world.log_of_2027(), p["logs"][0] | {"final": {"size": 40, "root": b64(sha256(b"another end"))}}]
        ),
    ),
    "yes_at_t": ProofCase("At T itself.", at=T),
    "yes_before_it_was_retired": ProofCase(
        "Retired later than the time asked about.", recipe=leaf(status=said("retired", LATER + 1))
    ),
    "yes_before_it_was_compromised": ProofCase(
        "Compromised later than the time asked about.", recipe=leaf(status=said("compromised", LATER + 1))
    ),
    "before_t": no("A second before the quorum had seen it.", "answer_not_public", at=T - 1),
    "before_iat": no("Before the statement was made.", "answer_expired", at=world.ACCREDITED - 1),
    "at_exp": no("At the statement's end.", "answer_expired", at=world.ACCREDITED_UNTIL),
    "retired": no("Retired by then.", "answer_expired", recipe=leaf(status=said("retired", LATER))),
    "compromised": no("Compromised by then.", "answer_compromised", recipe=leaf(status=said("compromised", LATER))),
    "compromised_above": no(
        "The city's keys were compromised by then.",
        "answer_compromised",
        recipe=long(lambda links: setattr(links[2], "status", said("compromised", T))),
        **HIGH,
    ),
    "status_by_a_stranger": no(
        "The status is signed by somebody else.",
        "answer_status",
        recipe=leaf(status=said("retired", LATER), status_signer="stranger"),
    ),
    "other_school": no("The proof of another school.", "answer_school", school="4141010475"),
    "authority_asked_for": no("A code that the leaf has not.", "answer_school", school="0000410000"),
    "other_type": no("A type that is not covered.", "answer_type", type="urn:xinji:credential:degree:1"),
    "other_key": no("A key that is not named.", "answer_key", key=key_of("stranger")),
    "federation_key": no(
        "The school's federation key signs no credentials.", "answer_key", key=key_of("university federation")
    ),
    "forged_by_itself": wrong(
        "The school signed its own statement.", {"chain": "issuer_chain"}, recipe=leaf(signer="university federation")
    ),
    "forged_by_a_stranger": wrong("A stranger signed it.", {"chain": "issuer_chain"}, recipe=leaf(signer="stranger")),
    "wider_than_allowed": wrong(
        "The county lets the school issue what nobody let the county.",
        {"chain": "issuer_type"},
        recipe=long(
            lambda links: links[0].payload["metadata"]["xinji_credential_issuer"]["credential_types"].append("urn:x")
        ),
        **HIGH,
    ),
    "of_another_province": wrong(
        "The leaf claims another province.",
        {"chain": "issuer_province"},
        recipe=payload(lambda p: p["metadata"]["xinji_credential_issuer"].update(province=["11"])),
    ),
    "metadata_of_another_code": wrong(
        "Identifier and metadata name two schools.",
        {"chain": "issuer_code_mismatch"},
        recipe=payload(lambda p: p["metadata"]["xinji_credential_issuer"].update(school_code=["4141010475"])),
    ),
    "unlogged": wrong("The statement is not in the log.", {"chain": "issuer_unlogged"}, recipe=leaf(logged=False)),
    "path_changed": wrong(
        "A hash of the inclusion path is another.",
        {"chain": "issuer_unlogged"},
        proof=lambda p: p["statements"][0]["proof"]["path"].__setitem__(0, b64(sha256(b"other"))),
    ),
    "suite_dropped": wrong(
        "The ES256 token was taken out: the log's entry covers both.",
        {"chain": "issuer_unlogged"},
        proof=lambda p: p["statements"][0].pop("intl"),
    ),
    "link_left_out": wrong(
        "The county's statement is missing.",
        {"chain": "issuer_chain"},
        recipe=long(),
        proof=lambda p: p["statements"].pop(1),
        **HIGH,
    ),
    "suites_differ": wrong(
        "The two suites say different things.",
        {"chain": "issuer_chain"},
        recipe=leaf(intl_payload=world.university_chain()[0].payload | {"exp": world.ACCREDITED_UNTIL + 1}),
    ),
    "an_authority_s": wrong(
        "A proof that ends at an authority.",
        {"chain": "issuer_not_accredited"},
        recipe=long(),
        proof=lambda p: p["statements"].pop(0),
        **HIGH,
    ),
    "no_statements": wrong("There is no statement.", {"chain": "issuer_chain"}, proof=lambda p: p.pop("statements")),
    "unknown_root": wrong(
        "The trust file names another root's identifier.",
        {"chain": "issuer_unknown_root"},
        trust=lambda p: p["roots"][0].update(entity_id="https://hebei.example/authorities/130000"),
    ),
    "unknown_log": wrong(
        "The trust file does not name the log.",
        {"log": "log_unknown", "witnesses": "witnesses_missing", "chain": "issuer_unlogged"},
        trust=lambda p: p["logs"][0].update(origin="other.example/log"),
    ),
    "checkpoint_forged": wrong(
        "The checkpoint's root was changed.",
        {"log": "log_signature", "witnesses": "witnesses_missing", "chain": "issuer_unlogged"},
        proof=lambda p: p["log"].update(
            checkpoint="\n".join(
                b64(sha256(b"other")) if at == 2 else line for at, line in enumerate(p["log"]["checkpoint"].split("\n"))
            )
        ),
    ),
    "checkpoint_beyond_final": wrong(
        "The log was closed with fewer entries than the checkpoint has.",
        {"log": "log_beyond_final", "witnesses": "witnesses_missing", "chain": "issuer_unlogged"},
        trust=lambda p: p["logs"][0].update(final={"size": 20, "root": b64(sha256(b"another end"))}),
    ),
    "checkpoint_not_the_final_one": wrong(
        "The log was closed with as many entries as the checkpoint has, and another root.",
        {"log": "log_beyond_final", "witnesses": "witnesses_missing", "chain": "issuer_unlogged"},
        trust=lambda p: p["logs"][0].update(final={"size": 21, "root": b64(sha256(b"another end"))}),
    ),
    "checkpoint_of_another_log": wrong(
        "The log part names another origin than the checkpoint.",
        {"log": "log_unknown", "witnesses": "witnesses_missing", "chain": "issuer_unlogged"},
        proof=lambda p: p["log"].update(origin="other.example/log"),
    ),
    "checkpoint_names_another_log": wrong(
        "The log's own keys signed a checkpoint of another origin.",
        {"log": "log_signature", "witnesses": "witnesses_missing", "chain": "issuer_unlogged"},
        proof=lambda p: p["log"].update(checkpoint=renamed(p["log"]["checkpoint"])),
    ),
    "suite_missing_above": wrong(
        "The county's statement came in one suite only, and the school's in both.",
        {"chain": "issuer_chain"},
        recipe=long(lambda links: setattr(links[1], "suites", ("gm",))),
        **HIGH,
    ),
    "no_log": wrong(
        "There is no log part.",
        {"log": "log_missing", "witnesses": "witnesses_missing", "chain": "issuer_unlogged"},
        proof=lambda p: p.pop("log"),
    ),
    "another_format": wrong(
        "A bundle is no proof of accreditation.",
        {"log": "log_missing", "witnesses": "witnesses_missing", "chain": "issuer_chain"},
        proof=lambda p: p.update(format="xinji/bundle/1"),
    ),
    "no_quorum": wrong(
        "One witness of two has cosigned: nobody knows since when it was public.",
        {"witnesses": "witnesses_quorum", "answer": "answer_unwitnessed"},
        recipe=lambda: Recipe(cosigners=[(world.A_SM2, T)]),
    ),
    "operator_only": ProofCase(
        "The trust file names no witness.",
        {"witnesses": "witnesses_none_named", "answer": "answer_unwitnessed"},
        "operator_only",
        trust=lambda p: p.update(witness_policy={"quorum": 0, "witnesses": []}),
    ),
    "trust_expired": ProofCase(
        "The trust file has expired.",
        {"log": "log_no_trust", "witnesses": "witnesses_none_named", "chain": "log_no_trust", "answer": "answer_open"},
        "incomplete",
        trust=lambda p: p.update(expires_at="2026-07-01T04:00:00Z"),
    ),
}
