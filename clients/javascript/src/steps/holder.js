// Step 7: only key binding to this verifier's own nonce would pass; no share asks for one yet.

import { Finding } from "../report.js";

export function checkHolder(binding) {
  if (binding === null || binding === undefined) throw new Finding("holder_not_bound");
  throw new Finding("holder_failed", { detail: "this verifier sent no nonce" });
}
