"""Witness policies as text: C2SP tlog-policy, in one level; whatever goes deeper is refused."""

from __future__ import annotations

import pytest

from crypto.keys import ED25519, SGD_SM3_SM2, generate_key
from ledger.errors import InvalidPolicyError
from ledger.formats.checkpoint import Organisation, WitnessPolicy
from ledger.formats.policy_text import NamedWitness, PolicyText, parse_policy
from ledger.formats.vkey import VerifierKey, kind_of


def key(name: str, alg: str = ED25519, *, timestamped: bool = True) -> VerifierKey:
    return VerifierKey(name, kind_of(alg, timestamped=timestamped), generate_key(alg).public)


LOG, W1, W2, W3 = key("log.example/1", timestamped=False), key("a/1"), key("a/1", SGD_SM3_SM2), key("b.example")
LIBRARY = "河南省图书馆"
POLICY = f"""# A comment
\tlog {LOG} https://log.example/1

witness X1 {W1} https://a.example/
witness\tX2   {W2} https://a.example/
  # another
witness {LIBRARY} {W3}
group X any X1 X2
group both all X {LIBRARY}
quorum both
"""


def test_organisations_and_their_quorum() -> None:
    text = parse_policy(POLICY.encode())
    x = (NamedWitness("X1", W1, "https://a.example/"), NamedWitness("X2", W2, "https://a.example/"))
    assert text == PolicyText(2, (("X", x), (LIBRARY, (NamedWitness(LIBRARY, W3),))), ((LOG, "https://log.example/1"),))
    assert text.policy == WitnessPolicy(2, (Organisation("X", (W1, W2)), Organisation(LIBRARY, (W3,))))


@pytest.mark.parametrize("rule", ["1", "2", "any", "all"])
def test_what_is_written_is_read(rule: str) -> None:
    read = parse_policy(POLICY.replace("both all", f"both {rule}").encode())
    again = parse_policy(str(read).encode())
    assert again.policy == read.policy
    assert again.logs == read.logs
    assert [[one.url for one in members] for _, members in again.organisations] == [["https://a.example/"] * 2, [None]]
    assert str(again) == str(read)


def test_names_that_the_file_cannot_hold_are_changed() -> None:
    members = {"none": (NamedWitness("x", W1),), "a b": (NamedWitness("x", W2),), "a_b": (NamedWitness("x", W3),)}
    written = str(PolicyText(2, tuple(members.items())))
    assert [name for name, _ in parse_policy(written.encode()).organisations] == ["none_", "a_b", "a_b_"]


def test_a_single_witness_and_none() -> None:
    lines = f"witness A {W1}\nquorum %s\nlog {LOG}\nwitness B {W3}"
    assert parse_policy((lines % "A").encode()).policy == WitnessPolicy(1, (Organisation("A", (W1,)),))
    free = parse_policy((lines % "none").encode())
    assert free.policy == WitnessPolicy(0, ())
    assert free.logs == ((LOG, None),)
    assert parse_policy(str(free).encode()) == free


DEEP = f"witness A {W1}\nwitness B {W2}\nwitness C {W3}\n"


NO_POLICIES = [
    ("", 0),
    (f"witness A {W1}\n", 0),
    ("quorum A\x00\n", 0),
    ("quorum A\r\n", 0),
    ("quorum A\n", 1),
    ("quorum none\nquorum none\n", 2),
    ("quorum\n", 1),
    ("threshold 2\n", 1),
    ("log nonsense\n", 1),
    (f"log {W1}\n", 1),
    (f"witness A {LOG}\n", 1),
    (f"witness none {W1}\n", 1),
    (f"witness A {W1}\nwitness A {W2}\n", 2),
    (f"witness A {W1}\nwitness B {W1}\n", 2),
    (DEEP + "group A any B C\n", 4),
    (DEEP + "group G any D\n", 4),
    (DEEP + "group G any none\n", 4),
    (DEEP + "group G any\n", 4),
    (DEEP + "group G 0 A\n", 4),
    (DEEP + "group G 2 A\n", 4),
    (DEEP + "group G 01 A\n", 4),
    (DEEP + "group G some A\n", 4),
    (DEEP + "group G all A A\n", 4),
    (DEEP + "group G any A\ngroup H any A\n", 5),
    (DEEP + "group G all A B\ngroup H all G C\nquorum H\n", 6),
    (DEEP + "group G any A\ngroup H any G\ngroup I all H C\nquorum I\n", 7),
]


@pytest.mark.parametrize(("text", "line"), NO_POLICIES, ids=map(str, range(len(NO_POLICIES))))  # Keys are new each run.
def test_what_is_no_policy(text: str, line: int) -> None:
    with pytest.raises(InvalidPolicyError) as refused:
        parse_policy(text.encode())
    assert refused.value.params == {"line": line}


def test_octets_that_are_no_utf_8_are_names_like_others() -> None:
    data = b"witness \xff " + str(W1).encode() + b"\nquorum \xff\n"
    assert parse_policy(data).policy.quorum == 1
    with pytest.raises(InvalidPolicyError):
        parse_policy(b"#" * (1 << 21))
