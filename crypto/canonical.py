"""One text for one JSON value (RFC 8785), so that hashes and MACs can be taken over it."""

from __future__ import annotations

from typing import Any

import rfc8785

from crypto.errors import InvalidEncodingError


def canonical_json(value: Any) -> bytes:
    """Return the canonical UTF-8 JSON of `value`.

    Raises:
        InvalidEncodingError: The value has no canonical form: an integer beyond 2^53, a float
            that is not finite, a lone surrogate, a key that is not text.
    """
    try:
        return rfc8785.dumps(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidEncodingError("this value has no canonical JSON") from error
