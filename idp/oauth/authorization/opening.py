"""Finding what an authorization request says: in the address, in a signed object, behind a reference.

The address is the browser's word. What a signed object or a kept request says goes before it
(RFC 9101 §5, RFC 9126 §4); where that cannot be believed, the refusal goes back to the
platform if the address alone names a redirect_uri of its own, and is a page otherwise.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urldefrag

from idp.errors import PageError, UnknownClientError, UnknownRedirectUriError, UnusableRequestError
from idp.keyed import Keyed
from idp.oauth.authorization.kept import PREFIX, is_reference, keep_request, reference_to, reopen_request
from idp.oauth.authorization.request import AuthorizationRequest, Origin, Pairs, read_request
from idp.oauth.authorization.request_object import MEDIA_TYPES, merged, read_object
from idp.oauth.authorization.ticket import PARAMETER, new_ticket, read_ticket, request_pairs
from idp.oauth.clients.registered import ClientCache, RegisteredClient
from idp.oauth.errors import AuthorizationError, FetchError
from idp.oauth.tokens.families import Issuing
from kernel.errors import TooLargeError

MAX_ADDRESS: Final = 32_000
MAX_PARAMETERS: Final = 60
MAX_URI: Final = 512
"""OIDC Core §6.2: a request_uri has up to 512 ASCII characters."""


def open_request(pairs: Pairs, *, clients: ClientCache, by: Issuing) -> AuthorizationRequest:
    """Return the request that `pairs`, an address's parameters, make or lead to. Nothing is written.

    Raises:
        PageError: Nobody may be redirected: an unknown client or redirect_uri, a reference to nothing.
        TooLargeError: The address is absurd.
        OnEventLoopError: Something must be fetched: run it with `fetching.off_loop`.
    """
    check_size(pairs)
    own, now = request_pairs(pairs), by.clock.now()
    client = clients.get(dict(own).get("client_id", ""))
    if client is None or [name for name, _ in own].count("client_id") != 1:
        raise UnknownClientError("no registered platform has this client_id")
    if is_reference(own):
        begun = read_ticket(by.keyed, pairs, now=now) is not None
        return reopen_request(dict(own)["request_uri"], client, begun=begun, now=now, by=by)
    try:
        return unfold(own, client, by=by)
    except AuthorizationError as error:
        return _refused(own, client, error, by=by)


def check_size(pairs: Pairs) -> None:
    """Return unless an address with these parameters is absurd.

    Raises:
        TooLargeError: It is.
    """
    if len(pairs) > MAX_PARAMETERS or sum(len(name) + len(value) for name, value in pairs) > MAX_ADDRESS:
        raise TooLargeError("the authorization request is too large")


def unfold(
    pairs: Pairs, client: RegisteredClient, *, by: Issuing, origin: Origin | None = None
) -> AuthorizationRequest:
    """Return the request of `pairs`, with the parameters of the request object in or behind them, if there is one.

    Raises:
        AuthorizationError: The object cannot be had or believed.
        UnknownRedirectUriError: The redirect_uri is not registered.
        OnEventLoopError: As in `open_request`.
    """
    now = by.clock.now()
    names = [name for name, value in pairs if value]
    pushed = origin is not None and origin.pushed
    if "request" not in names and "request_uri" not in names:
        return read_request(pairs, client, now=now, origin=origin or Origin())
    if names.count("request") + names.count("request_uri") > 1:
        raise AuthorizationError("invalid_request", "there are several request objects")
    token = dict(pairs).get("request") or _fetched(dict(pairs)["request_uri"], client, by=by)
    inside, strict = read_object(token, client, issuer=by.issuer, now=now, key_sets=by.key_sets)
    # A push is one message, and RFC 9126 §3 lets nothing of it stand outside the object.
    whole = merged(pairs, inside, strict=strict or pushed)
    if "client_id" not in dict(whole):
        whole = [("client_id", client.client_id), *whole]
    return read_request(whole, client, now=now, origin=Origin(pushed=pushed, signed=True))


def glance(pairs: Pairs, *, clients: ClientCache, by: Issuing) -> AuthorizationRequest | None:
    """Return the request that an address leads to as far as our own pages tell of it, None where it leads nowhere.

    For the sign-in pages on the way: they name the platform. Nothing is fetched, no object read.
    """
    values = dict(pairs)
    if "request" in values or ("request_uri" in values and not is_reference(pairs)):
        return None
    try:
        return open_request(pairs, clients=clients, by=by)
    except (PageError, TooLargeError):
        return None


def carried(request: AuthorizationRequest, pairs: Pairs, *, by: Issuing) -> Pairs:
    """Return the parameters with which pages of ours come back to the request, keeping it where they would be long.

    A signed object is read once: what was consented to must be what is answered, whatever lies
    behind a `request_uri` by then.
    """
    own = request_pairs(pairs)
    if request.origin == Origin():
        return pairs
    if request.origin.kept is None:
        with by.database.write_core() as connection:
            own = list(
                reference_to(request.client.client_id, keep_request(connection, by.keyed, request, pushed=False))
            )
    return ticketed(by.keyed, own, pairs, request)


def ticketed(keyed: Keyed, own: Pairs, pairs: Pairs, request: AuthorizationRequest) -> Pairs:
    """Return `own` with a ticket: the one that `pairs` has, where it is good for them."""
    held = dict(pairs).get(PARAMETER, "")
    again = [*own, (PARAMETER, held)]
    if read_ticket(keyed, again, now=request.now) is not None:
        return again
    return [*own, (PARAMETER, new_ticket(keyed, own, now=request.now))]


def _fetched(uri: str, client: RegisteredClient, *, by: Issuing) -> str:
    """Return the object at `uri`, which must be registered: else anybody could send us anywhere (Core §6.2)."""
    if uri.startswith(PREFIX):
        raise AuthorizationError("invalid_request_uri", "a kept request cannot stand here")
    bare, _ = urldefrag(uri)
    registered = {urldefrag(known)[0] for known in client.metadata.request_uris}
    if len(uri) > MAX_URI or bare not in registered:
        raise AuthorizationError("invalid_request_uri", "the request_uri is not registered")
    try:
        return by.fetcher.get(bare, accept=MEDIA_TYPES).decode("ascii").strip()
    except (FetchError, UnicodeDecodeError) as error:
        raise AuthorizationError("invalid_request_uri", "the request_uri does not lead to a request object") from error


def _refused(pairs: Pairs, client: RegisteredClient, error: AuthorizationError, *, by: Issuing) -> AuthorizationRequest:
    try:
        request = read_request(pairs, client, now=by.clock.now())
    except UnknownRedirectUriError as nowhere:
        raise UnusableRequestError(str(error), reason=error.error) from nowhere
    request.failed = error
    return request
