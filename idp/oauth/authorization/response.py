"""The answer to an authorization request: where the browser goes, with what, and how. Pure but for JARM's key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from idp.oauth.authorization.jarm import sign_answer
from idp.oauth.authorization.request import AuthorizationRequest
from idp.oauth.authorization.response_modes import Way, way_of
from idp.oauth.errors import AuthorizationError
from idp.oauth.keys import SigningKeys
from idp.oauth.uris import Params, with_fragment, with_query


@dataclass(frozen=True, slots=True)
class AuthorizationAnswer:
    """An answer on its way: the platform's own address, and the parameters that go there."""

    way: Way
    uri: str
    params: tuple[tuple[str, str], ...]

    @property
    def location(self) -> str:
        """The address that a redirect names. A form's answer is in its body, and none."""
        put = with_fragment if self.way is Way.FRAGMENT else with_query
        return put(self.uri, self.params)


def answer_to(
    request: AuthorizationRequest, params: Params, *, issuer: str, keys: SigningKeys, now: datetime
) -> AuthorizationAnswer:
    """Return the answer with `state` and `iss` (RFC 9207 §2), in the mode that was asked for.

    Under JARM all of it is in one signed `response`.
    """
    way, signed = way_of(request.values, always_signed=request.client.metadata.signs_messages)
    state = [("state", request.state)] if request.state is not None else []
    whole = (*params, *state, ("iss", issuer))
    if signed:
        whole = (("response", sign_answer(whole, client=request.client, issuer=issuer, keys=keys, now=now)),)
    return AuthorizationAnswer(way, request.redirect_uri, whole)


def error_params(error: AuthorizationError) -> list[tuple[str, str]]:
    """Return the parameters of a refusal (RFC 6749 §4.1.2.1)."""
    return [("error", error.error), ("error_description", error.description)]
