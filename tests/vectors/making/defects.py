"""The changes that make a defect: to a statement, a payload, a signed token, a finished bundle or the trust file."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from tests.vectors.making.keys import (
    b64,
    b64u,
    compact,
    from_b64,
    from_b64u,
    jwk,
    jwks,
    key_id,
    sha256,
    sign_es256,
    sign_sm2,
    token,
)
from tests.vectors.making.recipe import Recipe
from tests.vectors.making.world import (
    DAY,
    HIGH_SCHOOL,
    LISTED,
    LISTED_UNTIL,
    Accreditation,
    Change,
    long_chain,
    trust_file,
    trust_payload,
    university_chain,
)


def high_school(chain: list[Accreditation] | None = None, **changes: Any) -> Recipe:
    """Return a recipe of the school that hangs under province, city and county."""
    return Recipe(chain=chain or long_chain(), issuer=HIGH_SCHOOL, keys="high school issuing", **changes)


def chain_with(place: int, change: Change, *, long: bool = False, **members: Any) -> list[Accreditation]:
    """Return a chain whose statement at `place` was changed before it was signed and logged."""
    chain = long_chain() if long else university_chain()
    change(chain[place].payload)
    for name, value in members.items():
        setattr(chain[place], name, value)
    return chain


def issuer_metadata(**members: Any) -> Change:
    return lambda payload: payload["metadata"]["xinji_credential_issuer"].update(members)


def policy(name: str, values: list[str], operator: str = "subset_of") -> Change:
    def change(payload: dict[str, Any]) -> None:
        payload["metadata_policy"]["xinji_credential_issuer"][name] = {operator: values}

    return change


def said(**members: Any) -> Callable[[dict[str, Any], str], None]:
    return lambda payload, _: payload.update(members)


def only(suite: str, change: Change) -> Callable[[dict[str, Any], str], None]:
    return lambda payload, of: change(payload) if of == suite else None


def bundle_with(**parts: Any) -> Change:
    return lambda bundle: bundle.update(parts)


def log_with(**parts: Any) -> Change:
    return lambda bundle: bundle["log"].update(parts)


def trust_with(change: Change, signers: tuple[str, ...] = ("root",)) -> Callable[[], dict[str, Any]]:
    def make() -> dict[str, Any]:
        payload = trust_payload()
        change(payload)
        return trust_file(payload, signers)

    return make


def flipped(text: str, place: int) -> str:
    """Return base64url text with another sign at `place`."""
    other = "A" if text[place] != "A" else "B"
    return text[:place] + other + text[place:][1:]


def signature_flipped(jwt: str) -> str:
    return flipped(jwt, len(jwt) - 20)


def disclosure(name: str, value: Any) -> str:
    return b64u(compact([b64u(sha256(b"another salt")[:16]), name, value]))


def change_disclosure(bundle: dict[str, Any]) -> None:
    shown = bundle["credential"]["disclosures"]
    shown[6] = b64u(compact([b64u(sha256(b"salt of major")[:16]), "major", "临床医学"]))


def add_disclosure(bundle: dict[str, Any]) -> None:
    bundle["credential"]["disclosures"].append(disclosure("degree", "博士"))


def repeat_disclosure(bundle: dict[str, Any]) -> None:
    shown = bundle["credential"]["disclosures"]
    shown.append(shown[0])


def break_disclosure(bundle: dict[str, Any]) -> None:
    bundle["credential"]["disclosures"][0] += "="


def swap_suites(bundle: dict[str, Any]) -> None:
    held = bundle["credential"]
    held["gm"], held["intl"] = held["intl"], held["gm"]


def drop_suite(bundle: dict[str, Any]) -> None:
    del bundle["credential"]["intl"]


def flip_signature(bundle: dict[str, Any]) -> None:
    bundle["credential"]["gm"] = signature_flipped(bundle["credential"]["gm"])


def with_header(suite: str, signer: str = "university issuing", **header: str) -> Callable[[str, str], str]:
    """Sign the payload of `suite` again, under a header with other members."""

    def change(jwt: str, of: str) -> str:
        if of != suite:
            return jwt
        return token(_payload(jwt), signer, suite, **({"typ": "dc+sd-jwt"} | header))

    return change


def alg_none(jwt: str, suite: str) -> str:
    if suite != "intl":
        return jwt
    head = {"alg": "none", "typ": "dc+sd-jwt", "kid": jwk("university issuing", "intl")["kid"]}
    return f"{b64u(compact(head))}.{jwt.split('.')[1]}."


def alg_hs256(jwt: str, suite: str) -> str:
    """Sign with HMAC under the public key's text, as a library that asks the token for the algorithm would check it."""
    if suite != "intl":
        return jwt
    key = jwk("university issuing", "intl")
    signed = f"{b64u(compact({'alg': 'HS256', 'typ': 'dc+sd-jwt', 'kid': key['kid']}))}.{jwt.split('.')[1]}"
    return f"{signed}.{b64u(hmac.new(compact(key), signed.encode(), hashlib.sha256).digest())}"


def es256_with_sm2_key(jwt: str, suite: str) -> str:
    if suite != "intl":
        return jwt
    return token(_payload(jwt), "university issuing", "gm", typ="dc+sd-jwt", alg="ES256")


def duplicate_in_payload(jwt: str, suite: str) -> str:
    if suite != "intl":
        return jwt
    doubled = compact(_payload(jwt)).replace(
        b'{"iss":', b'{"iss":"https://elsewhere.example/schools/4111010001","iss":', 1
    )
    return token(doubled, "university issuing", "intl", typ="dc+sd-jwt")


def _payload(jwt: str) -> Any:
    middle = jwt.split(".")[1]
    return json.loads(from_b64u(middle))


def kid(name: str, suite: str) -> str:
    return jwk(name, suite)["kid"]


def with_crit(jwt: str, suite: str) -> str:
    if suite != "intl":
        return jwt
    head = {"alg": "ES256", "typ": "dc+sd-jwt", "kid": kid("university issuing", "intl"), "crit": ["exp"]}
    signed = f"{b64u(compact(head))}.{jwt.split('.')[1]}"
    return f"{signed}.{b64u(sign_es256('university issuing', signed.encode()))}"


def tamper_leaf(bundle: dict[str, Any]) -> None:
    """Widen the leaf's types after signing, in both suites alike."""
    leaf = bundle["accreditation"][0]
    for suite in ("gm", "intl"):
        head, _, signature = leaf[suite].split(".")
        payload = _payload(leaf[suite])
        payload["metadata"]["xinji_credential_issuer"]["credential_types"].append("urn:xinji:credential:degree:1")
        leaf[suite] = f"{head}.{b64u(compact(payload))}.{signature}"


def two_stories() -> list[Accreditation]:
    chain = university_chain()
    chain[0].intl_payload = chain[0].payload | {"exp": chain[0].payload["exp"] + 1}
    return chain


def expired(chain: list[Accreditation], moment: int) -> list[Accreditation]:
    chain[0].payload["exp"] = moment
    return chain


def change_root(bundle: dict[str, Any]) -> None:
    lines = bundle["log"]["checkpoint"].split("\n")
    lines[2] = b64(sha256(b"another root"))
    bundle["log"]["checkpoint"] = "\n".join(lines)


def earlier(line: str) -> str:
    """Return a cosignature's line with its time an hour earlier."""
    dash, name, encoded = line.rstrip("\n").split(" ")
    data = from_b64(encoded)
    time = int.from_bytes(data[4:12]) - 3600
    return f"{dash} {name} {b64(data[:4] + time.to_bytes(8) + data[12:])}\n"


def untimed(text: str, witness: tuple[str, str, bytes, str]) -> str:
    """Return a line by the witness's key that signs the bare note."""
    _, name, kind, key = witness
    return f"\u2014 {name} {b64(key_id(name, kind, key) + sign_sm2(key, text.encode()))}\n"


def tampered_trust() -> dict[str, Any]:
    file = trust_file(trust_payload())
    payload = json.loads(from_b64u(file["payload"]))
    payload["witness_policy"]["quorum"] = 1
    return file | {"payload": b64u(compact(payload))}


def jwks_of(name: str) -> dict[str, Any]:
    return jwks(name)


def fresh_status(**changes: Any) -> dict[str, Any]:
    """Return what a look-up would bring: a list of the next day, the service's accreditation in the bundle's tree."""
    later = Recipe(listed=lambda p: p.update(iat=LISTED + DAY, exp=LISTED_UNTIL + DAY), **changes)
    return later.lists() | {"accreditation": later.make()["status"]["accreditation"]}
