import assert from "node:assert/strict";
import { test } from "node:test";
import { included } from "../src/merkle.js";
import { sha256, sm3 } from "../src/hashes.js";
import { verifyRaw } from "../src/keys.js";
import { b64, b64u, FormatError, fromB64, fromB64u, hex, strictJson, utf8 } from "../src/strict.js";
import { pathOf, rootOf } from "./world.js";

const bytes = (text) => Uint8Array.from(Buffer.from(text, "hex"));

test("base64 has one spelling", () => {
  for (const size of [0, 1, 2, 3, 31, 32, 10_000]) {
    const data = Uint8Array.from({ length: size }, (_, at) => (at * 7) % 256);
    assert.deepEqual(fromB64u(b64u(data)), data);
    assert.deepEqual(fromB64(b64(data)), data);
  }
  for (const text of ["AA==", "A", "AB", "A+", "A/", "AA\n", " AA", "AAA=", 5, null]) assert.throws(() => fromB64u(text), FormatError);
  for (const text of ["AA", "AB==", "A===", "A-==", "AA==\n", "====", null]) assert.throws(() => fromB64(text), FormatError);
});

test("JSON says each thing once", () => {
  for (const text of ['{"a":[1,{"a":2}],"b":"\\"{"}', "[]", '"x"', "1.5", "-0", '{"\\u0061":1,"b":{"a":1}}', '{"a":"\\\\"}']) {
    assert.deepEqual(strictJson(text), JSON.parse(text));
  }
  for (const text of [
    ...['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '[{"x":{"a":1,"b":2,"a":3}}]', '{"":1,"":2}'],
    ...["9007199254740992", "1e400", '"\\ud800"', '"\ud800"', '{"\\udfff":1}'],
    ...["[".repeat(33) + "]".repeat(33), "{", "", "nul", "\ufeff{}", `"${"x".repeat(5_000_000)}"`],
  ]) {
    assert.throws(() => strictJson(text), FormatError, text.slice(0, 40));
  }
  assert.throws(() => strictJson(new Uint8Array([0x22, 0xc0, 0x80, 0x22])), FormatError);
});

test("SM2: the standard's sample signature, and values out of range", () => {
  // GB/T 32918.5 annex A, with the default signer id.
  const point = bytes(
    "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13",
  );
  const r = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3";
  const s = "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA";
  const n = "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123";
  const zero = "00".repeat(32);
  const check = (signature, text = "message digest") => verifyRaw("SGD_SM3_SM2", bytes(signature), utf8(text), point);
  assert.ok(check(r + s));
  assert.ok(!check(r + s, "message digesT"));
  const plusN = (value) => (BigInt(`0x${value}`) + BigInt(`0x${n}`)).toString(16).slice(-64);
  for (const bad of [s + r, zero + s, r + zero, n + s, r + n, plusN(r) + s, r, `${r}${s}00`, ""]) assert.ok(!check(bad), bad);
});

test("inclusion proofs: every leaf of every tree up to 40, and nothing else", () => {
  for (const h of [sm3, sha256]) {
    for (let size = 1; size <= 40; size += 1) {
      const leaves = Array.from({ length: size }, (_, at) => utf8(`leaf ${at}`));
      const head = { size, root: rootOf(h, leaves), hash: h };
      for (let index = 0; index < size; index += 1) {
        const path = pathOf(h, leaves, index);
        assert.ok(included(leaves[index], { index, path }, head));
        assert.ok(!included(leaves[index], { index, path: [...path, h(utf8("extra"))] }, head));
        assert.ok(!included(leaves[index], { index: size, path }, head));
        if (size > 1) {
          assert.ok(!included(leaves[index], { index: (index + 1) % size, path }, head));
          assert.ok(!included(leaves[index], { index, path: path.slice(0, -1) }, head));
          assert.ok(!included(leaves[(index + 1) % size], { index, path }, head));
        }
      }
    }
  }
});

test("SM3 of the standard's first example", () => {
  assert.equal(hex(sm3(utf8("abc"))), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
});
