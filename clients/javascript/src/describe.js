// What was awarded, to whom, by whom: the report's description of a credential.

import { schoolCode } from "./entity.js";
import { namesOf } from "./federation.js";
import { iso } from "./report.js";

/** Describe a credential; names are those that the accreditation registers, never the school's own. */
export function describe(credential, statements, claims) {
  if (credential === undefined) return null;
  const names = statements === undefined ? [] : statements.map(namesOf);
  const { name = null, name_en: english = null } = names[0]?.entity_id === credential.iss ? names[0] : {};
  const above = statements === undefined ? [] : [...names.slice(1), { entity_id: statements.at(-1).iss, name: null, name_en: null }];
  return {
    vct: credential.vct,
    id: credential.jti,
    issuer: { code: schoolCode(credential.iss), entity_id: credential.iss, name, name_en: english, chain: above },
    issued_on: iso(credential.iat).slice(0, 10),
    claims,
  };
}
