"""Every module that holds tables, imported so that `Base.metadata` knows them all."""

from __future__ import annotations

import credentials.models
import idp.directory.models
import idp.directory.roster.models
import idp.models
import idp.oauth.logout_models
import idp.oauth.models
import idp.platforms.models
import kernel.audit
import ledger.anchors.models
import ledger.models
import ledger.records.models
import ledger.registry.models

MODULES = (
    kernel.audit,
    ledger.models,
    ledger.anchors.models,
    ledger.records.models,
    ledger.registry.models,
    idp.models,
    idp.oauth.models,
    idp.platforms.models,
    idp.oauth.logout_models,
    idp.directory.models,
    idp.directory.roster.models,
    credentials.models,
)
