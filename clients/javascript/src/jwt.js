// Compact JWS (RFC 7515) with a JSON payload, read strictly; signatures are checked apart.

import { FormatError, fromB64u, isObject, isText, same, strictJson, utf8 } from "./strict.js";
import { SUITE_IDS, SUITES } from "./suites.js";

const MAX_TOKEN = 1_048_576;

/**
 * Read `token` without trusting it: `{ token, kid, payload, signedBy(keys) }`.
 * `signedBy` answers whether the key that `kid` names is among `keys` and made the signature.
 */
export function readJwt(token, { typ, alg }) {
  if (!isText(token, MAX_TOKEN)) throw new FormatError("not a JWT");
  const parts = token.split(".");
  if (parts.length !== 3) throw new FormatError("a JWT has three parts");
  const header = strictJson(fromB64u(parts[0]), { limit: 4096 });
  const payload = strictJson(fromB64u(parts[1]), { limit: MAX_TOKEN });
  const signature = fromB64u(parts[2]);
  if (!isObject(header) || !isObject(payload)) throw new FormatError("a JWT holds objects");
  if (header.typ !== typ || header.alg !== alg || !isText(header.kid)) throw new FormatError("a JWT of another kind");
  if ("crit" in header || "b64" in header) throw new FormatError("an extension that is not known here");
  const input = utf8(`${parts[0]}.${parts[1]}`);
  const signedBy = (keys) => keys.some((key) => key.kid === header.kid && key.alg === alg && key.verify(signature, input));
  return { token, kid: header.kid, payload, signedBy };
}

/**
 * Read the same statement in one or both suites: `{ suites: {gm, intl}, payload, signedBy(keys) }`.
 * Both must say the same; all must be signed.
 */
export function readPair(pair, typ) {
  if (!isObject(pair)) throw new FormatError("not a pair of JWTs");
  const suites = {};
  for (const id of SUITE_IDS) {
    if (pair[id] !== undefined && pair[id] !== null) suites[id] = readJwt(pair[id], { typ, alg: SUITES[id].alg });
  }
  const tokens = Object.values(suites);
  if (tokens.length === 0) throw new FormatError("no suite is given");
  if (!tokens.every((one) => same(one.payload, tokens[0].payload))) throw new FormatError("the suites differ");
  return { suites, payload: tokens[0].payload, signedBy: (keys) => tokens.every((one) => one.signedBy(keys)) };
}
