// SD-JWT VC as this profile uses it: every disclosure is a top-level claim.
// Sources: RFC 9901 §4.2 and §7.1, SD-JWT VC (`dc+sd-jwt`).

import { readJwt } from "./jwt.js";
import { b64u, FormatError, fromB64u, isIndex, isInstant, isObject, isText, same, strictJson, utf8 } from "./strict.js";
import { SUITE_IDS, SUITES } from "./suites.js";

const MAX_DISCLOSURES = 256;
const MAX_DISCLOSURE = 65_536;
const MAX_INDEX = 2 ** 20; // Entries of the pooled status list.
const RESERVED = new Set(["_sd", "_sd_alg", "..."]);
// Claims that the issuer signs in clear or that mean something to SD-JWT VC (§3.2.2.2).
const NEVER_DISCLOSED = new Set(["iss", "iat", "nbf", "exp", "jti", "vct", "status", "cnf"]);

/** Read the credential's JWTs and check that each has the profile's form. Signatures come later. */
export function readCredential(credential) {
  if (!isObject(credential)) throw new FormatError("no credential");
  const { disclosures } = credential;
  if (!Array.isArray(disclosures) || disclosures.length > MAX_DISCLOSURES || !disclosures.every((item) => typeof item === "string")) {
    throw new FormatError("disclosures are a list of texts");
  }
  const suites = {};
  for (const id of SUITE_IDS) {
    if (credential[id] !== undefined && credential[id] !== null) suites[id] = readSuite(credential[id], SUITES[id]);
  }
  const ids = Object.keys(suites);
  if (ids.length === 0) throw new FormatError("no suite is given");
  const { iss, iat, jti, vct, status } = suites[ids[0]].payload;
  const { idx: index, uri } = status.status_list;
  return { suites, ids, disclosures, iss, iat, jti, vct, index, uri };
}

function readSuite(token, { alg, sdAlg }) {
  const jwt = readJwt(token, { typ: "dc+sd-jwt", alg });
  const { iss, iat, jti, vct, status, _sd: digests, _sd_alg: hashName } = jwt.payload;
  const list = status?.status_list;
  const formed =
    [iss, jti, vct, list?.uri].every((text) => isText(text)) && isInstant(iat) && isIndex(list.idx) && list.idx < MAX_INDEX && hashName === sdAlg;
  // Status says whether a credential holds; a second clock would contradict it some day.
  const clocks = "exp" in jwt.payload || "nbf" in jwt.payload;
  if (!formed || clocks || !Array.isArray(digests) || !digests.every((digest) => isText(digest, 64))) {
    throw new FormatError("a credential lacks a claim or has one of another form");
  }
  if (digests.length > MAX_DISCLOSURES || new Set(digests).size !== digests.length) throw new FormatError("_sd of another form");
  return jwt;
}

/** Whether the suites' JWTs say the same, digests and their algorithm aside. */
export function suitesAgree({ suites }) {
  const [first, ...others] = Object.values(suites).map(({ payload }) => {
    const { _sd: digests, _sd_alg: _, ...rest } = payload;
    return { ...rest, count: digests.length };
  });
  return others.every((other) => same(other, first));
}

/** Return the disclosed claims, each found in `_sd` of every suite. */
export function disclosedClaims({ suites, disclosures }) {
  const claims = new Map();
  if (new Set(disclosures).size !== disclosures.length) throw new FormatError("a disclosure is repeated");
  for (const encoded of disclosures) {
    const { name, value } = readDisclosure(encoded);
    for (const [id, { payload }] of Object.entries(suites)) {
      const digest = b64u(SUITES[id].hash(utf8(encoded)));
      if (!payload._sd.includes(digest)) throw new FormatError("a disclosure that was not signed");
      if (Object.hasOwn(payload, name)) throw new FormatError("a disclosure replaces a claim");
    }
    if (claims.has(name)) throw new FormatError("a claim is disclosed twice");
    claims.set(name, value);
  }
  return Object.fromEntries(claims);
}

function readDisclosure(encoded) {
  let parts;
  try {
    parts = encoded.length <= MAX_DISCLOSURE ? strictJson(fromB64u(encoded)) : null;
  } catch {
    throw new FormatError("a disclosure that cannot be read");
  }
  const formed = Array.isArray(parts) && parts.length === 3 && typeof parts[0] === "string" && isText(parts[1]);
  if (!formed || RESERVED.has(parts[1]) || NEVER_DISCLOSED.has(parts[1]) || nested(parts[2])) throw new FormatError("a disclosure of another form");
  return { name: parts[1], value: parts[2] };
}

// Nested digests would be claims that this profile does not know how to show.
function nested(value) {
  if (Array.isArray(value)) return value.some(nested);
  return isObject(value) && Object.entries(value).some(([name, member]) => RESERVED.has(name) || nested(member));
}
