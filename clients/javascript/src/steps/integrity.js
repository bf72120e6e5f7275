// Step 1: both suites' signatures, the disclosures, and that the suites agree.

import { attempt, unwrap } from "../attempt.js";
import { ISSUER, serviceKeys } from "../federation.js";
import { Finding } from "../report.js";
import { disclosedClaims, suitesAgree } from "../sdjwt.js";

export function checkIntegrity(read, statements) {
  const credential = unwrap(read);
  const keys = attempt(() => serviceKeys(statements.value[0], ISSUER)).value ?? [];
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
