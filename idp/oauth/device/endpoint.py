"""The device authorization endpoint (RFC 8628 §3.1, §3.2): it gives a code for the device, and one to show."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint

from idp.oauth.authorization import wishes
from idp.oauth.authorization.request import AuthorizationRequest
from idp.oauth.clients.metadata import AUTH_METHODS, DEVICE, REFRESH
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.device.hashes import device_hash, user_code_hash
from idp.oauth.device.user_code import new_user_code, shown
from idp.oauth.errors import AuthorizationError
from idp.oauth.requests import FormRequest
from idp.oauth.scopes import OFFLINE, scope_text
from idp.oauth.stores import devices
from idp.oauth.tokens.families import Issuing
from kernel.ids import new_token

LIFE: Final = timedelta(minutes=10)
INTERVAL: Final = 5
PATH: Final = "/device"
_NEW_CODES: Final = 5


class DeviceAuthorization(DeviceAuthorizationEndpoint):
    """Gives a device its codes; one short write."""

    CLIENT_AUTH_METHODS = AUTH_METHODS

    def create_endpoint_response(self, request: FormRequest) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Return the answer of RFC 8628 §3.2.

        Raises:
            InvalidClientError: The platform does not prove who it is.
            UnauthorizedClientError: It did not register this grant.
            InvalidScopeError: It registered none of the scopes it asks for.
            OAuth2Error: Its resource or its authorization details are refused.
        """
        client: RegisteredClient = self.server.authenticate_client(request, AUTH_METHODS, self.ENDPOINT_NAME)
        if not client.check_grant_type(DEVICE):
            raise UnauthorizedClientError("the device grant is not registered")
        asked = {"scope": _scope(client, request.form.get("scope")), **self._wishes(client, request)}
        device_code, user_code = self._codes(client, asked)
        place = f"{self.server.issuer}{PATH}"
        answer = {
            "device_code": device_code,
            "user_code": shown(user_code),
            "verification_uri": place,
            "verification_uri_complete": f"{place}?user_code={shown(user_code)}",
            "expires_in": int(LIFE.total_seconds()),
            "interval": INTERVAL,
        }
        return 200, answer, []

    def _wishes(self, client: RegisteredClient, request: FormRequest) -> dict[str, Any]:
        """Read `resource` (RFC 8707 §2) and `authorization_details` (RFC 9396 §2) as at the authorization endpoint."""
        asked = AuthorizationRequest(tuple(request.form.items()), self.server.by.clock.now())
        asked.client = client
        try:
            wishes.resources(asked)
            wishes.details(asked)
        except AuthorizationError as error:
            raise OAuth2Error(error=error.error, description=error.description) from error
        return {"resources": list(asked.resources) or None, "details": asked.details or None}

    def _codes(self, client: RegisteredClient, asked: dict[str, Any]) -> tuple[str, str]:
        by: Issuing = self.server.by
        now = by.clock.now()
        device_code = new_token()
        values = {
            "device_hash": device_hash(by.keyed, device_code),
            "client_id": client.client_id,
            "state": devices.PENDING,
            "interval": INTERVAL,
            "created_at": now,
            "expires_at": now + LIFE,
            **asked,
        }
        for _ in range(_NEW_CODES):
            user_code = new_user_code()
            with by.database.write_core() as connection:
                if devices.insert_device(connection, {**values, "user_code_hash": user_code_hash(by.keyed, user_code)}):
                    return device_code, user_code
        raise AssertionError("five random user codes were all taken")


def _scope(client: RegisteredClient, text: str | None) -> str:
    scopes = client.get_allowed_scope(text).split()
    if REFRESH not in client.metadata.grant_types:
        scopes = [scope for scope in scopes if scope != OFFLINE]
    if not scopes:
        raise InvalidScopeError("the scope holds nothing that is registered")
    return scope_text(scopes)
