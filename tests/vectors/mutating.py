"""Changes to a valid bundle that a thief of it could make: one byte of what is signed, or any value anywhere.

For the tests of every verifier in Python.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.vectors.making.keys import b64u, compact, from_b64u

Path = tuple[str | int, ...]

# Whatever stands here decides: tokens, disclosures, the entry and its proof, the checkpoint, the anchor's claim.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**54) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=6,
)


def signed_strings(bundle: dict[str, Any]) -> list[Path]:
    """Return the places of the texts that signatures or proofs cover."""
    wanted = []
    for path, value in walk(bundle):
        names = [part for part in path if isinstance(part, str)]
        token = isinstance(value, str) and names[-1] in {"gm", "intl"}
        proof = isinstance(value, str) and names[-1] in {"path", "entry", "checkpoint", "disclosures"}
        if token or proof:
            wanted.append(path)
    return wanted


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every place and what stands there."""
    yield path, value
    if isinstance(value, dict):
        for name, member in value.items():
            yield from walk(member, (*path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from walk(member, (*path, index))


def at(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value


def put(value: Any, path: Path, member: Any) -> Any:
    """Return a copy with `member` at `path`."""
    if not path:
        return member
    changed = copy.deepcopy(value)
    at(changed, path[:-1])[path[-1]] = member
    return changed


@st.composite
def one_sign_changed(draw: st.DrawFn, bundle: dict[str, Any]) -> dict[str, Any]:
    """Draw a bundle in which one sign of a signed text is another."""
    path = draw(st.sampled_from(signed_strings(bundle)))
    text = at(bundle, path)
    place = draw(st.integers(0, len(text) - 1))
    sign = draw(st.characters(min_codepoint=0x20, max_codepoint=0x7E).filter(lambda other: other != text[place]))
    changed: dict[str, Any] = put(bundle, path, text[:place] + sign + text[place + 1 :])
    return changed


@st.composite
def one_value_changed(draw: st.DrawFn, bundle: dict[str, Any]) -> dict[str, Any]:
    """Draw a bundle in which some value is any other, in the bundle itself or inside an unsigned copy of a token."""
    path, value = draw(st.sampled_from([place for place in walk(bundle) if place[0]]))
    if isinstance(value, str) and path[-1] in {"gm", "intl"} and draw(st.booleans()):
        return put(bundle, path, draw(token_with_another_value(value)))  # type: ignore[no-any-return]
    return put(bundle, path, draw(JSON))  # type: ignore[no-any-return]


@st.composite
def token_with_another_value(draw: st.DrawFn, token: str) -> str:
    """Draw a token whose header or payload was changed in one value under the old signature."""
    parts = token.split(".")
    which = draw(st.integers(0, 1))
    content = json.loads(from_b64u(parts[which]))
    path, _ = draw(st.sampled_from(list(walk(content))))
    parts[which] = b64u(compact(put(content, path, draw(JSON))))
    return ".".join(parts)
