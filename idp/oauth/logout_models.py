"""Tables of signing out: which platforms took part in a signed-in browser, and what they are still to be told."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Integer, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base, UtcDateTime
from kernel.ids import new_id


class SessionClient(Base):
    """A platform that took part in a signed-in browser, and the name it knows the person by."""

    __tablename__ = "idp_session_client"

    session_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    sub: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class LogoutDelivery(Base):
    """A logout token that a platform is to get (OIDC Back-Channel Logout §2.5). The row goes when it was taken.

    The token is signed at each try: it lives for two minutes only.
    """

    __tablename__ = "idp_logout_delivery"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    client_id: Mapped[str] = mapped_column(String(64))
    session_id: Mapped[UUID] = mapped_column(Uuid)
    sub: Mapped[str] = mapped_column(String(64))
    tries: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
