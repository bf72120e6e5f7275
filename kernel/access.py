"""Who may call a route: declared on every route, enforced here, default deny.

FastAPI routes declare `dependencies=[allow("registrar")]`; lean Starlette handlers carry
`@open_to("anyone")` or `@open_to("client")` (the handler authenticates the client itself).
A test walks all routes and fails on one that declares nothing.

How a request becomes an `Actor` is not known here: `app.state.actor_of` is wired by the
composition root.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from fastapi.params import Depends as DependsParam

from kernel.errors import NotAllowedError, SignInRequiredError

Audience = Literal["anyone", "client", "signed-in", "registrar", "officer"]
STAFF: Final = ("registrar", "officer", "teacher")


@dataclass(frozen=True, slots=True)
class Role:
    """A role at one organisation: `name` in an organisation with `code` (10 digits or 6)."""

    name: str
    organisation: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is signed in on this request, how strongly, and with which roles."""

    person_id: UUID
    session_id: str
    name: str
    eid: str
    roles: tuple[Role, ...]
    amr: tuple[str, ...]
    auth_time: datetime

    @property
    def two_factors(self) -> bool:
        """Whether two factors of different kinds were used (RFC 8176 `mfa`)."""
        return "mfa" in self.amr

    def organisation(self, role: str) -> str:
        """Return the code of the organisation where the actor has `role`.

        Raises:
            NotAllowedError: The actor does not have that role anywhere.
        """
        for held in self.roles:
            if held.name == role:
                return held.organisation
        raise NotAllowedError(f"needs the role {role}", role=role)

    def has(self, role: str) -> bool:
        """Whether the actor has `role` anywhere."""
        return any(held.name == role for held in self.roles)


def actor_or_none(request: Request) -> Actor | None:
    """Return who is signed in on this request, if anybody is."""
    if not hasattr(request.state, "actor"):
        resolve: Callable[[Request], Actor | None] = request.app.state.actor_of
        request.state.actor = resolve(request)
    actor: Actor | None = request.state.actor
    return actor


def current_actor(request: Request) -> Actor:
    """Return who is signed in.

    Raises:
        SignInRequiredError: Nobody is.
    """
    actor = actor_or_none(request)
    if actor is None:
        raise SignInRequiredError("nobody is signed in")
    return actor


class Allow:
    """A dependency that lets only one audience through."""

    def __init__(self, audience: Audience) -> None:
        """Let `audience` through."""
        self.audience = audience

    async def __call__(self, request: Request) -> None:
        """Raise unless the caller belongs to the audience.

        Raises:
            SignInRequiredError: Nobody is signed in, or staff with one factor only.
            NotAllowedError: The caller lacks the role.
        """
        if self.audience in ("anyone", "client"):
            return
        actor = current_actor(request)
        if self.audience == "signed-in":
            return
        if not actor.has(self.audience):
            raise NotAllowedError(f"needs the role {self.audience}", role=self.audience)
        if not actor.two_factors:
            raise SignInRequiredError("staff need two factors", step_up=True)


def allow(audience: Audience) -> DependsParam:
    """Declare on a FastAPI route who may call it."""
    dependency: DependsParam = Depends(Allow(audience))
    return dependency


_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])


def open_to(audience: Literal["anyone", "client"]) -> Callable[[_Endpoint], _Endpoint]:
    """Declare on a lean Starlette handler who may call it."""

    def mark(endpoint: _Endpoint) -> _Endpoint:
        endpoint.xinji_access = audience  # type: ignore[attr-defined]  # A mark for the test that walks all routes.
        return endpoint

    return mark


async def _current_actor(request: Request) -> Actor:
    return current_actor(request)


CurrentActor = Annotated[Actor, Depends(_current_actor)]
