from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crypto import signing
from crypto.approvals import Approval, approve
from crypto.errors import KeyStateError, SigningRefusedError, UnknownKeyError
from crypto.jose import SUITE_ALG, verify_jwt
from crypto.keyring import KeyRing
from crypto.keys import EDDSA, ES256, RS256, SGD_SM3_SM2, generate_key
from crypto.signing import Ceiling, LocalSigner, Signer, sign_jwts
from kernel.clock import ManualClock

KEY = bytes(range(32))
SCHOOL = "http://localhost:8000/schools/4141010459"
OTHER = "http://localhost:8000/schools/4141010475"
ORIGIN = "localhost:8000/log"
VCT = "urn:xinji:credential:diploma:1"
IDS = [f"urn:uuid:00000000-0000-7000-8000-{n:012d}" for n in range(40)]


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def ring(tmp_path: Path, clock: ManualClock) -> KeyRing:
    return KeyRing(tmp_path / "keys", bytes(32), clock)


@pytest.fixture
def watch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def signer(ring: KeyRing, watch: Stopwatch) -> Iterator[LocalSigner]:
    signer = LocalSigner(ring, KEY, ceiling=10, monotonic=watch)
    yield signer
    signer.close()


def approval(clock: ManualClock, **changes: Any) -> Approval:
    members: dict[str, Any] = {
        "batch_id": "batch",
        "owner": SCHOOL,
        "vct": VCT,
        "item_ids": IDS,
        "approved_by": "registrar",
        "approved_at": clock.now(),
        "expires_at": clock.now() + timedelta(hours=1),
    }
    return approve(KEY, **(members | changes))


def credentials(ids: list[str], owner: str = SCHOOL) -> list[dict[str, Any]]:
    return [{"iss": owner, "vct": VCT, "jti": jti, "iat": 1, "_sd": []} for jti in ids]


def sign(signer: Signer, ids: list[str], *, owner: str = SCHOOL, batch_id: str | None = "batch") -> list[str]:
    payloads = credentials(ids, owner)
    return sign_jwts(signer, "credential", owner, SGD_SM3_SM2, payloads, typ="dc+sd-jwt", batch_id=batch_id)


def reason(signer: Signer, ids: list[str], **changes: Any) -> str:
    with pytest.raises(SigningRefusedError) as refused:
        sign(signer, ids, **changes)
    return refused.value.reason


@pytest.mark.parametrize("alg", SUITE_ALG.values())
def test_an_approved_batch_is_signed_in_both_suites(signer: LocalSigner, clock: ManualClock, alg: str) -> None:
    public = signer.generate("credential", SCHOOL, alg)
    signer.open_batch(approval(clock), IDS)
    tokens = sign_jwts(signer, "credential", SCHOOL, alg, credentials(IDS), typ="dc+sd-jwt", batch_id="batch")
    assert len(tokens) == len(IDS)
    for token, jti in zip(tokens, IDS, strict=True):
        assert verify_jwt(token, [public], typ="dc+sd-jwt", algs=[alg])["jti"] == jti


def test_making_a_key_twice_gives_the_same_key(signer: LocalSigner) -> None:
    public = signer.generate("credential", SCHOOL, ES256)
    assert signer.generate("credential", SCHOOL, ES256) == public
    assert signer.active_key("credential", SCHOOL, ES256) == public
    assert signer.public_keys("credential", SCHOOL) == (public,)
    with pytest.raises(UnknownKeyError):
        signer.active_key("credential", OTHER, ES256)


@pytest.mark.parametrize(("purpose", "alg"), [("oidc", ES256), ("credential", RS256), ("credential", EDDSA)])
def test_keys_of_other_uses_are_not_made_here(signer: LocalSigner, purpose: str, alg: str) -> None:
    with pytest.raises(SigningRefusedError):
        signer.generate(purpose, SCHOOL, alg)
    with pytest.raises(SigningRefusedError):
        signer.sign_many(purpose, SCHOOL, alg, [b"x"])


class TestBatches:
    @pytest.fixture(autouse=True)
    def _keys(self, signer: LocalSigner) -> None:
        for owner in (SCHOOL, OTHER):
            signer.generate("credential", owner, SGD_SM3_SM2)

    def test_nothing_is_signed_without_one(self, signer: LocalSigner) -> None:
        assert reason(signer, IDS[:1]) == "batch"
        assert reason(signer, IDS[:1], batch_id=None) == "batch"

    def test_an_item_may_be_signed_twice_and_the_batch_opened_twice(
        self, signer: LocalSigner, clock: ManualClock
    ) -> None:
        for _ in range(2):
            signer.open_batch(approval(clock), IDS)
            sign(signer, IDS[:2])

    def test_a_restarted_signer_wants_the_batch_again(
        self, ring: KeyRing, signer: LocalSigner, clock: ManualClock
    ) -> None:
        signer.open_batch(approval(clock), IDS)
        sign(signer, IDS[:1])
        restarted = LocalSigner(ring, KEY)
        assert reason(restarted, IDS[:1]) == "batch"
        restarted.open_batch(approval(clock), IDS)
        sign(restarted, IDS[:1])
        restarted.close()

    def test_a_forged_approval_opens_nothing(self, signer: LocalSigner, clock: ManualClock) -> None:
        forged = approve(
            bytes(32),
            batch_id="batch",
            owner=SCHOOL,
            vct=VCT,
            item_ids=IDS,
            approved_by="x",
            approved_at=clock.now(),
            expires_at=clock.now() + timedelta(hours=1),
        )
        with pytest.raises(SigningRefusedError, match="ours"):
            signer.open_batch(forged, IDS)
        assert reason(signer, IDS[:1]) == "batch"

    def test_an_expired_approval_opens_nothing(self, signer: LocalSigner, clock: ManualClock) -> None:
        late = approval(clock)
        clock.move(timedelta(hours=1))
        with pytest.raises(SigningRefusedError) as refused:
            signer.open_batch(late, IDS)
        assert refused.value.reason == "batch_expired"

    def test_an_open_batch_expires(self, signer: LocalSigner, clock: ManualClock) -> None:
        signer.open_batch(approval(clock), IDS)
        clock.move(timedelta(minutes=59))
        sign(signer, IDS[:1])
        clock.move(timedelta(minutes=1))
        assert reason(signer, IDS[:1]) == "batch_expired"

    def test_another_schools_credential_is_not_in_it(self, signer: LocalSigner, clock: ManualClock) -> None:
        signer.open_batch(approval(clock), IDS)
        assert reason(signer, IDS[:1], owner=OTHER) == "batch"
        with pytest.raises(SigningRefusedError) as refused:
            sign_jwts(
                signer,
                "credential",
                SCHOOL,
                SGD_SM3_SM2,
                credentials(IDS[:1], OTHER),
                typ="dc+sd-jwt",
                batch_id="batch",
            )
        assert refused.value.reason == "issuer"

    def test_one_wrong_item_refuses_all(self, signer: LocalSigner, clock: ManualClock) -> None:
        signer.open_batch(approval(clock), IDS)
        assert reason(signer, [*IDS[:20], "urn:uuid:other"]) == "item"

    def test_an_open_batch_cannot_be_exchanged(self, signer: LocalSigner, clock: ManualClock) -> None:
        signer.open_batch(approval(clock), IDS)
        with pytest.raises(SigningRefusedError) as refused:
            signer.open_batch(approval(clock, item_ids=["x"]), ["x"])
        assert refused.value.reason == "batch_items"
        sign(signer, IDS[:1])

    def test_open_batches_are_bounded_and_the_expired_make_room(
        self, signer: LocalSigner, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(signing, "MAX_OPEN_BATCHES", 2)
        for name in ("a", "b"):
            signer.open_batch(approval(clock, batch_id=name), IDS)
        with pytest.raises(SigningRefusedError) as refused:
            signer.open_batch(approval(clock, batch_id="c"), IDS)
        assert refused.value.reason == "batches"
        signer.open_batch(approval(clock, batch_id="a"), IDS)
        clock.move(timedelta(hours=2))
        signer.open_batch(approval(clock, batch_id="c"), IDS)

    def test_an_issuer_has_a_ceiling_and_others_do_not_feel_it(
        self, signer: LocalSigner, clock: ManualClock, watch: Stopwatch
    ) -> None:
        signer.open_batch(approval(clock), IDS)
        signer.open_batch(approval(clock, batch_id="other", owner=OTHER), IDS)
        for ids in (IDS, IDS, IDS[:20]):  # A hundred: ten a second over ten seconds.
            sign(signer, ids)
        sign(signer, IDS, owner=OTHER, batch_id="other")
        sign(signer, [])
        assert reason(signer, IDS[:1]) == "rate"
        watch.seconds += 1
        sign(signer, IDS[:10])
        assert reason(signer, IDS[:1]) == "rate"

    def test_a_key_rotated_meanwhile_is_refused(
        self, signer: LocalSigner, ring: KeyRing, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        signer.open_batch(approval(clock), IDS)
        stale = signer.active_key("credential", SCHOOL, SGD_SM3_SM2)
        record = ring.active_record("credential", SCHOOL, SGD_SM3_SM2)
        clock.move(timedelta(seconds=1))
        ring.rotate("credential", SCHOOL, SGD_SM3_SM2)
        with monkeypatch.context() as patch:
            patch.setattr(signer, "active_key", lambda *_: stale)
            assert reason(signer, IDS[:1]) == "key"
        with monkeypatch.context() as patch:
            patch.setattr(signer, "active_key", lambda *_: stale)
            patch.setattr(ring, "active_record", lambda *_: record)
            patch.setattr(ring, "active", lambda *_: generate_key(SGD_SM3_SM2))
            assert reason(signer, IDS[:1]) == "key"
        sign(signer, IDS[:1])


def test_other_purposes_need_no_batch(signer: LocalSigner) -> None:
    public = signer.generate("federation", SCHOOL, ES256)
    (token,) = sign_jwts(
        signer, "federation", SCHOOL, ES256, [{"iss": SCHOOL, "sub": OTHER}], typ="entity-statement+jwt"
    )
    assert verify_jwt(token, [public], typ="entity-statement+jwt", algs=[ES256])["sub"] == OTHER


@pytest.mark.parametrize("alg", [EDDSA, SGD_SM3_SM2])
def test_a_log_signs_its_checkpoints(signer: LocalSigner, alg: str) -> None:
    public = signer.generate("log", ORIGIN, alg)
    note = b"localhost:8000/log\n1\nroot\n"
    (signature,) = signer.sign_many("log", ORIGIN, alg, [note])
    public.verify(signature, note)


def test_nothing_to_sign_is_nothing_signed(signer: LocalSigner) -> None:
    signer.generate("log", ORIGIN, EDDSA)
    assert signer.sign_many("log", ORIGIN, EDDSA, []) == ()
    with pytest.raises(UnknownKeyError):
        signer.sign_many("log", "another/log", EDDSA, [])


def test_a_ring_shared_with_a_race_gives_one_key(ring: KeyRing, signer: LocalSigner) -> None:
    ring.generate("credential", SCHOOL, ES256)
    with pytest.raises(KeyStateError):
        ring.generate("credential", SCHOOL, ES256)
    assert len(signer.public_keys("credential", SCHOOL)) == 1
    assert signer.generate("credential", SCHOOL, ES256) == ring.active("credential", SCHOOL, ES256).public


def test_a_ceiling_never_lets_more_than_a_full_bucket_through() -> None:
    watch = Stopwatch()
    ceiling = Ceiling(5, watch)
    watch.seconds = 1e9
    ceiling.take("a", 50)
    with pytest.raises(SigningRefusedError):
        ceiling.take("a", 1)
    with pytest.raises(SigningRefusedError):
        ceiling.take("b", 51)
    ceiling.take("b", 50)
