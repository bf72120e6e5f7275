"""The trust file: k of n, pinned, never rolled back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.making.keys import LOG_SM2, compact, jwks, token, vkey
from tests.vectors.making.world import BASE, ROOT, trust_file, trust_payload
from xinji_client import sm2
from xinji_client.encoding import b64u
from xinji_client.errors import EngineMissingError, TrustError
from xinji_client.trust import MAX_BYTES, load, pin, read_pinned

NOW = datetime(2026, 7, 1, tzinfo=UTC)
SECOND = {"entity_id": f"{BASE}/authorities/610000", "provinces": ["61"], "jwks": jwks("root 61")}
THIRD = {"entity_id": f"{BASE}/authorities/110000", "provinces": ["11"], "jwks": jwks("root 11")}
Change = Callable[[dict[str, Any]], Any]


def payload(change: Change = lambda _: None, **members: Any) -> dict[str, Any]:
    made = trust_payload() | members
    change(made)
    return made


def file(change: Change = lambda _: None, signers: tuple[str, ...] = ("root",), **members: Any) -> bytes:
    return json.dumps(trust_file(payload(change, **members), signers)).encode()


def test_what_a_trust_file_says() -> None:
    trust = load(file())
    assert trust.version == 1
    assert trust.threshold == 1
    assert trust.expires_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert [root.provinces for root in trust.roots] == [("41",)]
    assert trust.quorum == 2
    assert [len(keys) for keys in trust.witnesses.values()] == [2, 1, 1]
    assert trust.log("henan.example/log") is not None
    assert trust.log("other") is trust.log(None) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.update(format="xinji/trust/2"),
        lambda p: p.update(version=-1),
        lambda p: p.update(version="1"),
        lambda p: p.update(issued_at="2026-01-01"),
        lambda p: p.update(issued_at="2026-13-01T00:00:00Z"),
        lambda p: p.update(expires_at="2027-01-01T00:00:00"),
        lambda p: p.update(threshold=0),
        lambda p: p.update(threshold=2),
        lambda p: p.update(roots=[]),
        lambda p: p.update(roots=[p["roots"][0], p["roots"][0]]),
        lambda p: p["roots"][0].update(entity_id=""),
        lambda p: p["roots"][0].update(provinces="41"),
        lambda p: p["roots"].append({**SECOND, "jwks": {"keys": []}}),
        lambda p: p.update(logs={}),
        lambda p: p.update(logs=[p["logs"][0], p["logs"][0]]),
        lambda p: p["logs"][0].update(hash="md5"),
        lambda p: p["logs"][0].update(vkeys=[]),
        lambda p: p["logs"][0].update(vkeys=p["witness_policy"]["witnesses"][0]["vkeys"]),
        lambda p: p.update(witness_policy=None),
        lambda p: p["witness_policy"].update(quorum=0),
        lambda p: p["witness_policy"].update(quorum=4),
        lambda p: p["witness_policy"].update(witnesses=[]),
        lambda p: p["witness_policy"]["witnesses"].append(p["witness_policy"]["witnesses"][0]),
        lambda p: p["witness_policy"]["witnesses"][0].update(vkeys=[]),
        lambda p: p["witness_policy"]["witnesses"][0].update(vkeys=[vkey("w", LOG_SM2, "w")]),
        lambda p: p["witness_policy"]["witnesses"][0].update(vkeys=p["witness_policy"]["witnesses"][1]["vkeys"]),
        lambda p: p.update(chains=[1]),
        lambda p: p.pop("verifier_host"),
    ],
)
def test_trust_files_that_are_refused(change: Change) -> None:
    with pytest.raises(TrustError):
        load(file(change))


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.update(payload="="),
        lambda f: f.update(payload=b64u(b"[]")),
        lambda f: f.update(signatures=None),
        lambda f: f.update(signatures=[]),
        lambda f: f.update(signatures=[1]),
        lambda f: f.update(signatures=f["signatures"] * 200),
        lambda f: f["signatures"][0].update(header={"alg": "none"}),
        lambda f: f["signatures"][0].update(protected=b64u(b"[]")),
        lambda f: f["signatures"][0].update(signature="="),
        lambda f: f["signatures"][0].update(signature=f["signatures"][0]["signature"][:-4] + "AAAA"),
        lambda f: f["signatures"][0].update(protected=token({}, "root", "gm", typ="JWT").split(".")[0]),
    ],
)
def test_envelopes_that_are_refused(change: Change) -> None:
    envelope = trust_file(payload())
    change(envelope)
    with pytest.raises(TrustError):
        load(json.dumps(envelope))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"payload":"","payload":""}', b" " * (MAX_BYTES + 1)])
def test_what_is_no_trust_file(data: bytes) -> None:
    with pytest.raises(TrustError):
        load(data)


def test_k_of_n_counts_roots_and_not_keys() -> None:
    three: Change = lambda p: p.update(roots=[*p["roots"], SECOND, THIRD], threshold=2)  # noqa: E731
    assert load(file(three, ("root", "root 61"))).threshold == 2
    assert load(file(three, ("root 11", "root 61", "root"))).threshold == 2
    for signers in ((), ("root",), ("root 61",), ("stranger", "root"), ("root", "root")):
        with pytest.raises(TrustError):
            load(file(three, signers))


def test_without_sm2_the_other_suites_signatures_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> sm2.Engine:
        raise EngineMissingError("none here")

    monkeypatch.setattr(sm2, "engine", missing)
    assert load(file()).version == 1
    envelope = trust_file(payload())
    envelope["signatures"] = envelope["signatures"][:1]
    with pytest.raises(TrustError):
        load(json.dumps(envelope))


def test_the_first_file_is_pinned_as_it_is(tmp_path: Path) -> None:
    place = tmp_path / "config" / "xinji" / "trust.json"
    assert pin(place, file(), now=NOW).version == 1
    assert place.read_bytes() == file()
    assert (place.parent.stat().st_mode & 0o777) == 0o700
    assert [path.name for path in place.parent.iterdir()] == ["trust.json"]
    assert read_pinned(place).version == 1
    assert pin(place, file(), now=NOW).version == 1
    spaced = json.dumps(json.loads(file()), indent=2).encode()
    assert pin(place, spaced, now=NOW).version == 1
    assert place.read_bytes() == file()


def test_a_first_file_must_be_sound_and_in_force(tmp_path: Path) -> None:
    place = tmp_path / "trust.json"
    for data in (b"{}", file(signers=("stranger",)), file(expires_at="2026-07-01T00:00:00Z")):
        with pytest.raises(TrustError):
            pin(place, data, now=NOW)
        assert not place.exists()


def test_an_update_is_signed_by_the_roots_of_both(tmp_path: Path) -> None:
    place = tmp_path / "trust.json"
    pin(place, file(), now=NOW)
    moved: Change = lambda p: p.update(version=2, roots=[{**p["roots"][0], "jwks": jwks("root, next")}])  # noqa: E731
    for signers in (("root, next",), ("root",), ("stranger", "root, next")):
        with pytest.raises(TrustError):
            pin(place, file(moved, signers), now=NOW)
        assert read_pinned(place).version == 1
    assert pin(place, file(moved, ("root", "root, next")), now=NOW).version == 2
    assert read_pinned(place).roots[0].entity_id == ROOT


def test_an_update_needs_the_old_threshold_too(tmp_path: Path) -> None:
    place = tmp_path / "trust.json"
    both: Change = lambda p: p.update(roots=[*p["roots"], SECOND], threshold=2)  # noqa: E731
    pin(place, file(both, ("root", "root 61")), now=NOW)
    with pytest.raises(TrustError):
        pin(place, file(version=2), now=NOW)
    assert pin(place, file(signers=("root", "root 61"), version=2), now=NOW).threshold == 1


def test_a_trust_file_is_never_rolled_back(tmp_path: Path) -> None:
    place = tmp_path / "trust.json"
    pin(place, file(version=3), now=NOW)
    for version in (1, 2, 3):
        with pytest.raises(TrustError, match="rolled back"):
            pin(place, file(version=version, verifier_host="other.example"), now=NOW)
    assert read_pinned(place).version == 3


def test_an_expired_pinned_file_may_be_replaced(tmp_path: Path) -> None:
    place = tmp_path / "trust.json"
    place.write_bytes(file(expires_at="2026-02-01T00:00:00Z"))
    assert pin(place, file(version=2), now=NOW).version == 2


def test_a_damaged_pinned_file_is_not_replaced(tmp_path: Path) -> None:
    """Otherwise damaging it would be the way round the roll-back rule."""
    place = tmp_path / "trust.json"
    place.write_bytes(b"{}")
    with pytest.raises(TrustError):
        pin(place, file(), now=NOW)
    assert place.read_bytes() == b"{}"


def test_a_pinned_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="cannot be opened"):
        read_pinned(tmp_path / "nothing.json")
    with pytest.raises(TrustError):
        read_pinned(tmp_path)
    large = tmp_path / "large.json"
    large.write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(TrustError, match="too large"):
        read_pinned(large)


def test_times_may_have_fractions() -> None:
    assert load(file(issued_at="2026-01-01T00:00:00.25Z")).issued_at.microsecond == 250_000


def test_a_signature_of_another_type_counts_for_nothing() -> None:
    """The root signs statements too: none of them may pass for a trust file."""
    signatures = []
    for suite in ("gm", "intl"):
        protected, _, signature = token(payload(), "root", suite, typ="entity-statement+jwt").split(".")
        signatures.append({"protected": protected, "signature": signature})
    with pytest.raises(TrustError):
        load(json.dumps({"payload": b64u(compact(payload())), "signatures": signatures}))


def test_signatures_of_strangers_count_for_nothing() -> None:
    assert load(file(signers=("stranger", "root"))).version == 1
    assert compact(payload())
