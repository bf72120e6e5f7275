"""Every module that holds tables, imported so that `Base.metadata` knows them all."""

from __future__ import annotations

import credentials.models
import idp.directory.models
import idp.models
import kernel.audit
import ledger.models

MODULES = (kernel.audit, ledger.models, idp.models, idp.directory.models, credentials.models)
