import assert from "node:assert/strict";
import { test } from "node:test";
import { sm4 } from "sm-crypto-v2";
import { CodeError, grouped, openShare, parseCode, parseScan, shareKeys } from "../src/index.js";
import { ALPHABET, checkSign } from "../src/share.js";
import { b64u, hex, utf8 } from "../src/strict.js";

const SIGNS = "P7K3W0QR4XT1M1ABCDE";
const CODE = SIGNS + checkSign(SIGNS);

const refused = (text, code) => assert.throws(() => parseCode(text), (error) => error instanceof CodeError && error.code === code);

test("a code is read in any case, width and grouping", () => {
  const wide = [...CODE].map((sign) => String.fromCodePoint(sign.codePointAt(0) + 0xfee0)).join("");
  for (const text of [CODE, CODE.toLowerCase(), grouped(CODE), ` ${grouped(CODE).replaceAll("-", " – ")}\n`, wide]) {
    assert.equal(parseCode(text), CODE);
  }
});

test("every single wrong sign and every swap is found", () => {
  for (let at = 0; at < 20; at += 1) {
    for (const sign of ALPHABET) {
      if (sign !== CODE[at]) refused(CODE.slice(0, at) + sign + CODE.slice(at + 1), "code_check");
    }
    for (let other = at + 1; other < 20; other += 1) {
      const signs = [...CODE];
      [signs[at], signs[other]] = [signs[other], signs[at]];
      if (CODE[at] !== CODE[other]) refused(signs.join(""), "code_check");
    }
  }
});

test("the wrong length and foreign signs are told apart", () => {
  refused("", "code_length");
  refused(CODE.slice(1), "code_length");
  refused(`${CODE}0`, "code_length");
  refused(`O${CODE.slice(1)}`, "code_sign");
  refused("x".repeat(1_000_000), "code_length");
});

test("the keys are HKDF-SM3 of the 19 signs", () => {
  // Computed with hashlib's SM3: HKDF-Extract(salt "xinji/share/1"), HKDF-Expand("id" | "key", 16).
  const { id, key } = shareKeys("P7K3W0QR4XT1M1ABCDE?");
  assert.equal(hex(id), KNOWN.id);
  assert.equal(hex(key), KNOWN.key);
});

const KNOWN = { id: "735f75023acc45aa79ff06011593ee5f", key: "941b3485a873fd1a0a1e746534050490" };

function seal(text, { id, key }) {
  const iv = new Uint8Array(12).fill(7);
  const { output, tag } = sm4.encrypt(utf8(text), key, { mode: "gcm", iv, associatedData: id, output: "array", outputTag: true });
  return { nonce: b64u(iv), ciphertext: b64u(new Uint8Array([...output, ...tag])) };
}

test("a share opens with its code alone", () => {
  const keys = shareKeys(CODE);
  const sealed = seal('{"a":"陈𠮷"}', keys);
  assert.equal(openShare(sealed, keys), '{"a":"陈𠮷"}');
  const flipped = { ...sealed, ciphertext: (sealed.ciphertext[0] === "A" ? "B" : "A") + sealed.ciphertext.slice(1) };
  for (const [given, by] of [
    [sealed, { ...keys, key: new Uint8Array(16) }],
    [sealed, { ...keys, id: new Uint8Array(16) }],
    [flipped, keys],
    [{ ...sealed, ciphertext: "" }, keys],
    [{ ...sealed, nonce: "" }, keys],
    [{ ...sealed, nonce: 5 }, keys],
    [{}, keys],
  ]) {
    assert.throws(() => openShare(given, by));
  }
});

test("SM4-GCM of RFC 8998 appendix A.2.1 opens", () => {
  const bytes = (text) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
  const sealed = bytes(
    "17F399F08C67D5EE19D0DC9969C4BB7D 5FD46FD3756489069157B282BB200735 D82710CA5C22F0CCFA7CBF93D496AC15" +
      "A56834CBCF98C397B4024A2691233B8D 83DE3541E4C2B58177E065A9BF7B62EC",
  );
  const plain = bytes(
    "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBB CCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFF EEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA",
  );
  const options = {
    ...{ mode: "gcm", iv: bytes("00001234567800000000ABCD"), output: "array" },
    ...{ associatedData: bytes("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2"), tag: sealed.subarray(-16) },
  };
  assert.deepEqual(sm4.decrypt(sealed.subarray(0, -16), bytes("0123456789ABCDEFFEDCBA9876543210"), options), plain);
});

test("a scanned address must be of our own host", () => {
  const hosts = ["localhost:8000"];
  assert.deepEqual(parseScan(`http://localhost:8000/v#${CODE}`, hosts), { code: CODE });
  assert.deepEqual(parseScan(`http://localhost:8000/v#${grouped(CODE)}`, hosts), { code: CODE });
  assert.deepEqual(parseScan(CODE, hosts), { code: CODE });
  assert.deepEqual(parseScan(`https://verify.example/v#${CODE}`, hosts), { foreign: "verify.example" });
  assert.deepEqual(parseScan(`https://localhost:8000@evil.example/v#${CODE}`, hosts), { foreign: "evil.example" });
  assert.deepEqual(parseScan(`https://localhost.evil.example/v#${CODE}`, hosts), { foreign: "localhost.evil.example" });
  assert.equal(parseScan(`https://localhost:8000.evil.example/v#${CODE}`, hosts), null);
  assert.equal(parseScan(`http://localhost:8000/other#${CODE}`, hosts), null);
  assert.equal(parseScan("http://localhost:8000/v#%zz", hosts), null);
  assert.equal(parseScan("javascript:alert(1)#x", hosts), null);
  assert.equal(parseScan("WIFI:T:WPA;S:x;;", hosts), null);
});
