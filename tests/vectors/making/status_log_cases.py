"""A status part with a log of its own, logs that were closed, and trust files that name several logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.vectors.making import defects as d
from tests.vectors.making.case import NO_TRUST, bad, good
from tests.vectors.making.keys import b64, from_b64, jwks, sha256
from tests.vectors.making.lines import forged
from tests.vectors.making.recipe import Recipe, StatusLog
from tests.vectors.making.world import (
    A_SM2,
    B_ED25519,
    DAY,
    LISTED,
    LISTED_UNTIL,
    NOW,
    ORIGIN,
    ORIGIN_2027,
    Accreditation,
    Change,
    log_of_2027,
    status_chain,
)

SECOND_KEY = "status service second"
OTHER_ROOT = b64(sha256(b"another end"))


def rotated() -> list[Accreditation]:
    """The status service's statement of a day before the list, which names other keys than the first one."""
    chain = status_chain()
    chain[0].payload["iat"] = LISTED - DAY
    chain[0].payload["metadata"]["xinji_status_provider"]["jwks"] = jwks(SECOND_KEY)
    return chain


def later(**changes: Any) -> Recipe:
    """A credential logged before the status service got other keys, and lists signed with those."""
    bundle = changes.pop("bundle", lambda _: None)
    return Recipe(status_chain=rotated(), status_keys=SECOND_KEY, status_log=StatusLog(**changes), bundle=bundle)


def shard(**changes: Any) -> Recipe:
    """The same, and the new keys are accredited in the log of another year, which hashes with SHA-256."""
    return later(**({"origin": ORIGIN_2027, "hash_name": "sha-256", "key": "log 2027", "size": 9} | changes))


def logs(*, final: Any = None, final_2027: Any = None) -> Callable[[], dict[str, Any]]:
    """Return the trust file that names both logs, and their ends."""

    def change(payload: dict[str, Any]) -> None:
        payload["logs"].append(log_of_2027())
        for log, end in zip(payload["logs"], (final, final_2027), strict=True):
            if end is not None:
                log["final"] = end

    return d.trust_with(change)


def end_of(part: Callable[[dict[str, Any]], dict[str, Any]], recipe: Recipe, **changes: Any) -> dict[str, Any]:
    """Return what a checkpoint of a bundle says, as the end of its log."""
    _, size, root, *_ = part(recipe.make())["checkpoint"].split("\n")
    return {"size": int(size), "root": root} | changes


def own(bundle: dict[str, Any]) -> dict[str, Any]:
    log: dict[str, Any] = bundle["log"]
    return log


def of_status(bundle: dict[str, Any]) -> dict[str, Any]:
    log: dict[str, Any] = bundle["status"]["log"]
    return log


def status_log_with(**parts: Any) -> Change:
    return lambda bundle: of_status(bundle).update(parts)


def swap(bundle: dict[str, Any]) -> None:
    mine, others = own(bundle), of_status(bundle)
    for name in ("origin", "checkpoint"):
        mine[name], others[name] = others[name], mine[name]


def list_of_the_next_day() -> dict[str, Any]:
    """Fresh list tokens that a verifier fetched, put in place of those in the bundle."""
    recipe = later()
    status: dict[str, Any] = recipe.make()["status"]
    recipe.listed = lambda p: p.update(iat=LISTED + DAY, exp=LISTED_UNTIL + DAY)
    return status | recipe.lists()


def list_by_a_newer_key() -> dict[str, Any]:
    first: dict[str, Any] = Recipe().make()["status"]
    listed = Recipe(listed=lambda p: p.update(iat=LISTED + DAY, exp=LISTED_UNTIL + DAY), status_keys=SECOND_KEY)
    return first | listed.lists()


def root_changed(bundle: dict[str, Any]) -> None:
    lines = of_status(bundle)["checkpoint"].split("\n")
    lines[2] = OTHER_ROOT
    of_status(bundle)["checkpoint"] = "\n".join(lines)


SEEN_TOO_EARLY = ((A_SM2, LISTED - 631), (B_ED25519, LISTED - 601))
SEEN_JUST_IN_TIME = ((A_SM2, LISTED - 630), (B_ED25519, LISTED - 600))

STATUS_LOG_CASES = {
    "valid_status_log_later_checkpoint": good(
        "The status service got other keys since: they are accredited under a later checkpoint of the same log.",
        later(),
    ),
    "valid_status_log_another_log": good(
        "The credential's log was closed at its very checkpoint; the status service stands in the log of another year.",
        shard(),
        trust=logs(final=end_of(own, shard())),
    ),
    "valid_status_log_ten_minutes_before_list": good(
        "The status checkpoint was seen ten minutes before the list was made: clocks may differ by so much.",
        later(cosigners=SEEN_JUST_IN_TIME),
    ),
    "valid_status_log_null": good(
        "The status says that it has no log of its own.", Recipe(bundle=lambda b: b["status"].update(log=None))
    ),
    "valid_format_2_one_checkpoint": good(
        "A bundle of the second format whose status lies under the credential's checkpoint.",
        Recipe(bundle=d.bundle_with(format="xinji/bundle/2")),
    ),
    "valid_fresh_status_with_log": good(
        "A bundle of the first format; the verifier was given a fresh status with a log of its own.",
        status=lambda: later().make()["status"],
    ),
    "valid_fresh_list_younger_than_its_log": good(
        "The verifier put a fresh list in place of the bundle's: it is younger than the status checkpoint.",
        later(),
        now=NOW + DAY,
        status=list_of_the_next_day,
    ),
    "valid_log_closed_later": good(
        "The log was closed since, with a larger tree.", trust=logs(final={"size": 40, "root": OTHER_ROOT})
    ),
    "valid_log_closed_here": good(
        "The log was closed with the credential's checkpoint.", trust=logs(final=end_of(own, Recipe()))
    ),
    "status_log_of_an_unknown_origin": bad(
        "The status names a log that the trust file does not.", shard(), "status_log"
    ),
    "status_log_no_object": bad(
        "The status names its log by origin alone.",
        later(bundle=lambda b: b["status"].update(log=ORIGIN)),
        "status_log",
    ),
    "status_checkpoint_without_quorum": bad(
        "One organisation of the two required has seen the status checkpoint.",
        later(cosigners=((B_ED25519, LISTED + 60),)),
        "status_log",
    ),
    "status_checkpoint_unseen": bad("Nobody cosigned the status checkpoint.", later(cosigners=()), "status_log"),
    "status_checkpoint_forged_line": bad(
        "The SM2 line of the status checkpoint is forged, its Ed25519 line is good.",
        later(lines=lambda lines: [forged(lines[0]), lines[1]]),
        "status_log",
    ),
    "status_checkpoint_without_sm2_line": bad(
        "The SM2 line of the status checkpoint is missing.", later(lines=lambda lines: lines[1:]), "status_log"
    ),
    "status_checkpoint_signed_by_another_log": bad(
        "The status checkpoint names the log of another year and is signed by the keys of the first.",
        shard(key="log"),
        "status_log",
        trust=logs(),
    ),
    "status_checkpoint_of_another_origin": bad(
        "The status says that its checkpoint is of the log of another year; it is one of the first.",
        later(bundle=status_log_with(origin=ORIGIN_2027)),
        "status_log",
        trust=logs(),
    ),
    "status_checkpoint_names_another_origin": bad(
        "The log's own keys signed a status checkpoint whose first line is another origin.",
        later(says="other.example/log"),
        "status_log",
    ),
    "status_checkpoint_unreadable": bad(
        "The status checkpoint is no signed note.",
        later(bundle=status_log_with(checkpoint=f"{ORIGIN}\n34\n")),
        "status_log",
    ),
    "status_checkpoint_of_another_tree": bad(
        "The root of the status checkpoint was changed under the old signatures.",
        later(bundle=root_changed),
        "status_log",
    ),
    "status_checkpoint_older_than_list": bad(
        "The status checkpoint was seen more than ten minutes before the list was made.",
        later(cosigners=SEEN_TOO_EARLY),
        "status_log",
    ),
    "status_proved_under_the_credentials_checkpoint": bad(
        "The proof of the status service's statement leads to the credential's checkpoint, not to the status's own.",
        shard(proved_before=True),
        "status_signature",
        trust=logs(),
    ),
    "status_log_taken_away": bad(
        "The status lacks the log under which its signer is accredited.",
        later(bundle=lambda b: b["status"].pop("log")),
        "status_signature",
    ),
    "logs_swapped": bad(
        "The credential's log part and the status's have changed places.",
        later(bundle=swap),
        {
            "issuer": "issuer_unlogged",
            "status": "status_log",
            "inclusion": "inclusion_proof",
            "anchor": "anchor_mismatch",
        },
        time=LISTED + 60,
    ),
    "logs_swapped_between_years": bad(
        "The credential's log part and the status's have changed places, and are of different logs.",
        shard(bundle=swap),
        {"issuer": "issuer_unlogged", "status": "status_log", "inclusion": "inclusion_proof"},
        trust=logs(),
        time=LISTED + 60,
    ),
    "checkpoint_beyond_final": bad(
        "The log was closed with fewer entries than the checkpoint has.",
        Recipe(),
        "inclusion_beyond_final",
        trust=logs(final={"size": 20, "root": OTHER_ROOT}),
    ),
    "checkpoint_not_the_final_one": bad(
        "The log was closed with as many entries as the checkpoint has, and another root.",
        Recipe(),
        "inclusion_beyond_final",
        trust=logs(final={"size": 21, "root": OTHER_ROOT}),
    ),
    "status_checkpoint_beyond_final": bad(
        "The status's log was closed with fewer entries than its checkpoint has.",
        shard(),
        "status_beyond_final",
        trust=logs(final_2027=end_of(of_status, shard(), size=8)),
    ),
    "status_checkpoint_not_the_final_one": bad(
        "The status's log was closed with as many entries as its checkpoint has, and another root.",
        shard(),
        "status_beyond_final",
        trust=logs(final_2027=end_of(of_status, shard(), root=OTHER_ROOT)),
    ),
    "status_later_than_the_end_of_its_log": bad(
        "The credential's log was closed at its checkpoint; the status shows a later one of the same log.",
        later(),
        "status_beyond_final",
        trust=logs(final=end_of(own, later())),
    ),
    "status_key_newer_than_bundle": bad(
        "The verifier brought a fresh list; it is signed with a key that the service got after the bundle was made.",
        Recipe(),
        "status_key_unknown",
        now=NOW + DAY,
        status=list_by_a_newer_key,
        verdict="incomplete",
    ),
    "trust_expired_and_status_log": bad(
        "The trust file has expired; the status has a log of its own.",
        shard(),
        NO_TRUST,
        trust=d.trust_with(lambda p: p.update(expires_at="2026-07-01T04:00:00Z")),
        verdict="incomplete",
        time=None,
    ),
    "trust_names_a_log_twice": bad(
        "The trust file names one origin twice.",
        Recipe(),
        NO_TRUST,
        trust=d.trust_with(lambda p: p["logs"].append(p["logs"][0])),
        verdict="incomplete",
        time=None,
    ),
    "trust_final_without_root": bad(
        "The trust file names the end of a log without its root.",
        Recipe(),
        NO_TRUST,
        trust=logs(final={"size": 40}),
        verdict="incomplete",
        time=None,
    ),
    "trust_final_root_cut": bad(
        "The trust file names the end of a log with a root of 31 bytes.",
        Recipe(),
        NO_TRUST,
        trust=logs(final={"size": 40, "root": b64(from_b64(OTHER_ROOT)[:31])}),
        verdict="incomplete",
        time=None,
    ),
}
