// Print a trust file and shares that open with their codes, for tests of the page in a browser.
// Input (JSON on stdin): { now, shares: [{ name, world, pin }] }, where `world` changes World's fields.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { sm4 } from "sm-crypto-v2";
import { ALPHABET, checkSign, shareKeys } from "../src/share.js";
import { b64u, utf8 } from "../src/strict.js";
import { verify } from "../src/verify.js";
import { viewOf } from "../src/page/view.js";
import { World } from "./world.js";

const { now, shares } = JSON.parse(readFileSync(0, "utf8"));
const { keys } = new World();

function newCode() {
  const signs = Array.from(randomBytes(19), (byte) => ALPHABET[byte % 31]).join("");
  return signs + checkSign(signs);
}

function makeShare({ name, world: changes = {}, tamper = false }) {
  const world = new World({ keys, listIssued: now - 60, ...changes });
  if (changes.state) world.reason = { iss: world.statusId, jti: world.payload().jti, status: changes.state, reason: "academic_misconduct", at: now - 4000 };
  const { status, anchor, ...bundle } = world.bundle();
  if (tamper) bundle.credential.disclosures[0] = b64u(utf8('["c2FsdHNhbHRzYWx0c2FsdA","name","李四"]'));
  const code = newCode();
  const secret = shareKeys(code);
  const iv = Uint8Array.from(randomBytes(12));
  const text = JSON.stringify({ ...bundle, status: null, anchor: null });
  const { output, tag } = sm4.encrypt(utf8(text), secret.key, { mode: "gcm", iv, associatedData: secret.id, output: "array", outputTag: true });
  const answer = { nonce: b64u(iv), ciphertext: b64u(new Uint8Array([...output, ...tag])), status, anchor, trust: "/trust.json" };
  const report = verify({ ...bundle, status, anchor }, world.trust(), { now, checkedOn: "server" });
  const views = { zh: viewOf(report, "zh"), en: viewOf(report, "en") };
  return { name, code, id: b64u(secret.id), answer, bundle: { ...bundle, status, anchor }, report, views };
}

const trust = new World({ keys }).trust();
console.log(JSON.stringify({ trust, shares: shares.map(makeShare) }));
