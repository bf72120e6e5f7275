// What the page puts together from a share's look-up, and what of it is worth saving.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sm4 } from "sm-crypto-v2";
import { fetchShare, toSave } from "../src/page/lookup.js";
import { ALPHABET, checkSign, shareKeys } from "../src/share.js";
import { b64u, utf8 } from "../src/strict.js";

const SIGNS = ALPHABET.slice(0, 19);
const CODE = SIGNS + checkSign(SIGNS);

/** Look up a share that holds `bundle`, where the host answers with `status`. */
async function lookUp(bundle, status, context) {
  const { id, key } = shareKeys(CODE);
  const iv = new Uint8Array(12);
  const sealing = { mode: "gcm", iv, associatedData: id, output: "array", outputTag: true };
  const { output, tag } = sm4.encrypt(utf8(JSON.stringify(bundle)), key, sealing);
  const answer = { nonce: b64u(iv), ciphertext: b64u(new Uint8Array([...output, ...tag])), status, anchor: null };
  context.mock.method(globalThis, "fetch", async () => new Response(JSON.stringify(answer)));
  return fetchShare(CODE, "");
}

test("a fresh status with a log of its own makes a bundle of the second format", async (context) => {
  const sealed = { format: "xinji/bundle/1", status: { uri: "old" } };
  const log = { origin: "o", checkpoint: "c" };
  assert.equal((await lookUp(sealed, { uri: "new", log }, context)).format, "xinji/bundle/2");
  assert.deepEqual(await lookUp(sealed, { uri: "new" }, context), { ...sealed, status: { uri: "new" }, anchor: undefined });
});

test("what is saved holds by itself", () => {
  const report = (code) => ({ steps: [{}, {}, { code }] });
  const fresh = { gm: "new" };
  const plain = { status: { gm: "old" } };
  const withLog = { status: { gm: "old", log: {} } };
  assert.deepEqual(toSave(plain, fresh, report("status_ok")), { status: fresh });
  assert.equal(toSave(plain, fresh, report("status_key_unknown")), plain);
  assert.equal(toSave(withLog, fresh, report("status_ok")), withLog);
});
