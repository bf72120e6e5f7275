// A log's files as proofs: hashes of subtrees from C2SP tlog-tiles, fetched when they are needed.
//
// What is fetched is not believed: a proof made of it leads to the roots that were signed and
// anchored, or it does not (steps/anchor.js). The host of the files learns two sizes of the log.

import { b64, concat, FormatError } from "./strict.js";

const WIDTH = 256;
const HEIGHT = 8;
const HASH = 32;
const MAX_TILES = 512;
const TIMEOUT = 10_000;
const NODE = new Uint8Array([1]);

/** Return a function `read(path)` that fetches a file of the log at `address`, such as https://henan.example/log. */
export function logFiles(address, { request = fetch } = {}) {
  const base = address.replace(/\/+$/, "");
  return async (path) => {
    const response = await request(`${base}/${path}`, {
      credentials: "omit",
      referrerPolicy: "no-referrer",
      redirect: "error",
      signal: AbortSignal.timeout?.(TIMEOUT),
    });
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    const data = new Uint8Array(await response.arrayBuffer());
    if (data.length > WIDTH * HASH) throw new FormatError("a tile is too long");
    return data;
  };
}

/**
 * Make the proof that the log of `next` entries extends that of `old` (RFC 9162 §2.1.4.1), as bundles carry it.
 * Throws where a file is missing or too short.
 */
export async function consistencyFrom(read, hash, old, next) {
  const tiles = new Map();

  const tile = (level, index) => {
    const name = `tile/${level}/${pathOf(index)}`;
    if (!tiles.has(name)) {
      if (tiles.size === MAX_TILES) throw new FormatError("a proof of too many tiles");
      tiles.set(name, readTile(read, name, Math.min(Math.floor(next / WIDTH ** level) - index * WIDTH, WIDTH)));
    }
    return tiles.get(name);
  };
  const perfect = async (level, index) => {
    const inside = level % HEIGHT;
    if (inside > 0) return hash(concat(NODE, await perfect(level - 1, 2 * index), await perfect(level - 1, 2 * index + 1)));
    const data = await tile(level / HEIGHT, Math.floor(index / WIDTH));
    const at = (index % WIDTH) * HASH;
    return data.subarray(at, at + HASH);
  };
  const subtree = async (begin, end) => {
    const size = end - begin;
    const level = levelOf(size);
    if (size === 2 ** level) return perfect(level, begin / size);
    const middle = begin + 2 ** (level - 1);
    return hash(concat(NODE, await subtree(begin, middle), await subtree(middle, end)));
  };
  const subproof = async (size, begin, end, known) => {
    if (size === end) return known ? [] : [await subtree(begin, end)];
    const middle = begin + 2 ** (levelOf(end - begin) - 1);
    return size <= middle
      ? [...(await subproof(size, begin, middle, known)), await subtree(middle, end)]
      : [...(await subproof(size, middle, end, false)), await subtree(begin, middle)];
  };

  if (!Number.isSafeInteger(next) || old < 1 || old > next) throw new FormatError("sizes that no proof leads between");
  return (await subproof(old, 0, next, true)).map(b64);
}

// The height of the smallest perfect tree that holds `size` leaves; sizes go beyond 2^31.
function levelOf(size) {
  let level = 0;
  while (2 ** level < size) level += 1;
  return level;
}

// A partial tile that is gone begins the full one (C2SP tlog-tiles).
async function readTile(read, name, width) {
  const data = width === WIDTH ? await read(name) : await read(`${name}.p/${width}`).catch(() => read(name));
  if (data.length < width * HASH) throw new FormatError(`the tile ${name} is too short`);
  return data;
}

/** Write a tile's number in groups of three digits, all but the last behind an x: x001/x234/067. */
export function pathOf(index) {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.{3}/g);
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join("/");
}
