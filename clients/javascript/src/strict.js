// Strict readers: one way to write each value, and a bound on its size.
// Sources: RFC 4648 §3.5 and §5, RFC 7515 §2, RFC 8259 §4 (repeated names).

export class FormatError extends Error {}

const MAX_DEPTH = 32;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Return the UTF-8 bytes of `text`. */
export const utf8 = (text) => encoder.encode(text);

/** Return the text of UTF-8 `bytes`; refuses what is no UTF-8. */
export function fromUtf8(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new FormatError("not UTF-8");
  }
}

/** Decode base64url without padding (RFC 7515 §2); refuses every other spelling of the same bytes. */
export function fromB64u(text) {
  if (typeof text !== "string" || !/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) {
    throw new FormatError("not base64url");
  }
  const bytes = decode64(text.replaceAll("-", "+").replaceAll("_", "/"));
  if (b64u(bytes) !== text) throw new FormatError("base64url with stray bits");
  return bytes;
}

/** Decode standard base64 with padding, as signed notes and proofs carry it. */
export function fromB64(text) {
  if (typeof text !== "string" || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new FormatError("not base64");
  }
  const bytes = decode64(text);
  if (b64(bytes) !== text) throw new FormatError("base64 with stray bits");
  return bytes;
}

export function b64(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(binary);
}

export const b64u = (bytes) => b64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

function decode64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export function concat(...parts) {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export const equalBytes = (one, other) =>
  one.length === other.length && one.every((byte, at) => byte === other[at]);

/**
 * Parse JSON and refuse what two readers may take differently: a repeated name, an integer
 * that a double cannot hold, a lone surrogate, a BOM, more than 32 levels, more than `limit` signs.
 */
export function strictJson(source, { limit = 4_194_304 } = {}) {
  const text = typeof source === "string" ? source : fromUtf8(source);
  if (text.length > limit) throw new FormatError("too large");
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FormatError("not JSON");
  }
  scan(text);
  return value;
}

// JSON.parse has accepted `text`, so the scan only has to find its way, not to check the grammar.
function scan(text) {
  const open = []; // For each level: the names seen of an object, or null for an array.
  let nameNext = false;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    if (sign === '"') {
      const end = endOfString(text, at);
      checkString(text.slice(at, end + 1), nameNext ? open.at(-1) : null);
      at = end;
    } else if (sign === "{" || sign === "[") {
      open.push(sign === "{" ? new Set() : null);
      nameNext = sign === "{";
      if (open.length > MAX_DEPTH) throw new FormatError("too many levels");
    } else if (sign === "}" || sign === "]") {
      open.pop();
    } else if (sign === ":") {
      nameNext = false;
    } else if (sign === ",") {
      nameNext = open.at(-1) !== null;
    } else if (sign === "-" || (sign >= "0" && sign <= "9")) {
      const end = at + /^[-+.0-9eE]+/.exec(text.slice(at, at + 400))[0].length;
      checkNumber(text.slice(at, end));
      at = end - 1;
    }
  }
}

function endOfString(text, start) {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === "\\") slashes += 1;
    if (slashes % 2 === 0) return end;
  }
}

function checkString(token, names) {
  if (names === null && !token.includes("\\u") && !hasSurrogate(token)) return;
  const value = JSON.parse(token);
  if (loneSurrogate.test(value)) throw new FormatError("a lone surrogate");
  if (names === null) return;
  if (names.has(value)) throw new FormatError("a name is repeated");
  names.add(value);
}

const loneSurrogate = /\p{Surrogate}/u;
const hasSurrogate = (text) => /[\ud800-\udfff]/.test(text);

function checkNumber(token) {
  const value = Number(token);
  const exact = /[.eE]/.test(token) ? Number.isFinite(value) : Number.isSafeInteger(value);
  if (!exact || token.length >= 400) throw new FormatError("a number that cannot be held");
}

/** Whether `value` is a JSON object. */
export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether `value` is an integer that is not negative. */
export const isIndex = (value) => Number.isSafeInteger(value) && value >= 0;

/** Whether `value` is a NumericDate that a calendar holds: whole seconds up to the year 9999. */
export const isInstant = (value) => isIndex(value) && value <= 253_402_300_799;

export const isText = (value, limit = 2048) => typeof value === "string" && value !== "" && value.length <= limit;

export const isTexts = (value, limit = 64) =>
  Array.isArray(value) && value.length <= limit && value.every((item) => isText(item));

/** Compare two JSON values member by member. */
export function same(one, other) {
  if (Array.isArray(one) || Array.isArray(other)) {
    return (
      Array.isArray(one) && Array.isArray(other) && one.length === other.length && one.every((v, at) => same(v, other[at]))
    );
  }
  if (!isObject(one) || !isObject(other)) return one === other;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && same(one[name], other[name]))
  );
}
