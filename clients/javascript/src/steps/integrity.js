// Step 1: both suites' signatures, the disclosures, and that the suites agree.

import { attempt, unwrap } from "../attempt.js";
import { keySet } from "../keys.js";
import { Finding } from "../report.js";
import { DisclosureError, disclosedClaims, suitesAgree } from "../sdjwt.js";

export function checkIntegrity(read, statements) {
  if (read.error instanceof DisclosureError) throw new Finding("integrity_disclosure", { detail: read.error.message });
  const credential = unwrap(read);
  const keys = attempt(() => keySet(statements.value[0].metadata.xinji_credential_issuer.jwks)).value ?? [];
  for (const [id, jwt] of Object.entries(credential.suites)) {
    if (!jwt.signedBy(keys)) throw new Finding("integrity_signature", { suites: [id], keys: [jwt.kid] });
  }
  if (!suitesAgree(credential)) throw new Finding("integrity_suites_differ", { suites: credential.ids });
  try {
    const claims = disclosedClaims(credential);
    const evidence = {
      suites: credential.ids,
      keys: Object.values(credential.suites).map(({ kid }) => kid),
      disclosures: credential.disclosures.length,
    };
    return { code: "integrity_ok", evidence, claims };
  } catch (error) {
    throw new Finding("integrity_disclosure", { detail: error.message });
  }
}
