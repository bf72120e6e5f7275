// Signed notes, checkpoints, and the cosignatures of witnesses.
// Sources: C2SP signed-note, tlog-checkpoint, tlog-cosignature; SM2 lines are type 0xff with our identifiers.

import { sha256 } from "./hashes.js";
import { checkPoint, verifyRaw } from "./keys.js";
import { concat, equalBytes, FormatError, fromB64, hex, isText, utf8 } from "./strict.js";

const MAX_NOTE = 65_536;
const MAX_LINES = 100;
const NAME = /^[^\s+\p{C}]+$/u;

// A kind is told by the bytes before the key (signed-note: signature types).
const KINDS = [
  { alg: "EdDSA", prefix: new Uint8Array([1]), size: 32, timed: null },
  { alg: "EdDSA", prefix: new Uint8Array([4]), size: 32, timed: "cosignature/v1" },
  { alg: "SGD_SM3_SM2", prefix: concat([0xff], utf8("xinji/sm2/v1")), size: 65, timed: null },
  {
    alg: "SGD_SM3_SM2",
    prefix: concat([0xff], utf8("xinji/sm2-cosignature/v1")),
    size: 65,
    timed: "xinji/sm2-cosignature/v1",
  },
];

/** Read a verifier key `<name>+<key id>+<base64 of type and key>`. */
export function readVkey(text) {
  const match = isText(text) ? /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text) : null;
  if (match === null || !NAME.test(match[1])) throw new FormatError("not a verifier key");
  const [, name, id, encoded] = match;
  const material = fromB64(encoded);
  const kind = KINDS.find(
    ({ prefix, size }) => material.length === prefix.length + size && equalBytes(material.subarray(0, prefix.length), prefix),
  );
  if (kind === undefined) throw new FormatError("a verifier key of an unknown kind");
  const point = material.subarray(kind.prefix.length);
  if (kind.alg === "SGD_SM3_SM2") checkPoint(kind.alg, point);
  const keyId = hex(sha256(concat(utf8(`${name}\n`), material)).subarray(0, 4));
  if (keyId !== id) throw new FormatError("the key id is not this key's");
  return { name, keyId, timed: kind.timed, alg: kind.alg, point, text };
}

/** Read a signed note into its text and its signature lines. Nothing is verified yet. */
export function readNote(source) {
  if (!isText(source, MAX_NOTE)) throw new FormatError("not a signed note");
  const cut = source.lastIndexOf("\n\n");
  if (cut < 1 || !source.endsWith("\n")) throw new FormatError("a note is a text, an empty line and signatures");
  const lines = source.slice(cut + 2, -1).split("\n");
  if (lines.length > MAX_LINES || /[\x00-\x09\x0b-\x1f]/.test(source)) throw new FormatError("a note of another form");
  return { text: source.slice(0, cut + 1), lines: lines.map(readLine) };
}

function readLine(line) {
  const match = /^\u2014 (\S+) (\S+)$/.exec(line);
  if (match === null || !NAME.test(match[1])) throw new FormatError("not a signature line");
  const bytes = fromB64(match[2]);
  if (bytes.length < 5) throw new FormatError("a signature line without a signature");
  return { name: match[1], keyId: hex(bytes.subarray(0, 4)), value: bytes.subarray(4) };
}

/** Return the first line that names `vkey`, if any. */
export const lineOf = (note, vkey) => note.lines.find((line) => line.name === vkey.name && line.keyId === vkey.keyId);

/**
 * Check the line of `vkey`: `undefined` without one, `false` for a bad one, else the time it
 * carries (POSIX seconds), or `true` for a log's own line.
 */
export function checkLine(note, vkey) {
  const line = lineOf(note, vkey);
  if (line === undefined) return undefined;
  if (vkey.timed === null) return verifyRaw(vkey.alg, line.value, utf8(note.text), vkey.point);
  if (line.value.length !== 72) return false;
  const time = new DataView(line.value.buffer, line.value.byteOffset).getBigUint64(0);
  const message = utf8(`${vkey.timed}\ntime ${time}\n${note.text}`);
  return time <= 253_402_300_799n && verifyRaw(vkey.alg, line.value.subarray(8), message, vkey.point) ? Number(time) : false;
}

/** Read the checkpoint in a note's text: `{ origin, size, root }`. Extension lines are covered by signatures and not read. */
export function readCheckpoint({ text }) {
  const [origin, size, root, ...more] = text.slice(0, -1).split("\n");
  if (!isText(origin) || /\s/.test(origin) || !/^(0|[1-9][0-9]{0,15})$/.test(size ?? "") || more.includes("")) {
    throw new FormatError("not a checkpoint");
  }
  const bytes = fromB64(root);
  if (bytes.length !== 32 || !Number.isSafeInteger(Number(size))) throw new FormatError("not a checkpoint");
  return { origin, size: Number(size), root: bytes };
}
