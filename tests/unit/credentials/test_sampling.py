"""The second opinion on the signer's answers."""

from __future__ import annotations

import pytest

from credentials.errors import SignatureSampleError
from credentials.sampling import Sampler
from crypto.keys import ES256, SGD_SM3_SM2, generate_key

MESSAGES = [b"one", b"two", b"three"]


@pytest.mark.parametrize("alg", [SGD_SM3_SM2, ES256])
def test_the_first_answer_of_each_key_is_looked_at(alg: str) -> None:
    sampler = Sampler(below=lambda _: 1)
    key = generate_key(alg)
    good = [key.sign(message) for message in MESSAGES]
    assert sampler.check(key.public, MESSAGES, good) == 1
    assert sampler.check(key.public, MESSAGES, good) == 0
    other = generate_key(alg)
    with pytest.raises(SignatureSampleError):
        sampler.check(other.public, MESSAGES, good)
    with pytest.raises(SignatureSampleError):  # A wrong first answer is not the last one looked at.
        sampler.check(other.public, MESSAGES, good)


@pytest.mark.parametrize("alg", [SGD_SM3_SM2, ES256])
def test_a_wrong_answer_in_the_sample_is_found(alg: str) -> None:
    key = generate_key(alg)
    good = [key.sign(message) for message in MESSAGES]
    assert Sampler(below=lambda _: 0).check(key.public, MESSAGES, good) == 3
    swapped = [good[0], good[2], good[1]]
    with pytest.raises(SignatureSampleError):
        Sampler(below=lambda _: 0).check(key.public, MESSAGES, swapped)


def test_missing_answers_are_found() -> None:
    key = generate_key(ES256)
    with pytest.raises(SignatureSampleError):
        Sampler().check(key.public, MESSAGES, [key.sign(b"one")])


def test_nothing_to_look_at_is_fine() -> None:
    assert Sampler().check(generate_key(ES256).public, [], []) == 0


def test_sm2_is_looked_at_by_the_engine_that_does_not_sign() -> None:
    assert Sampler().engine == "gmssl-pyx"
