// The verifier's own chain node: what is asked of it over plain JSON-RPC, and what its answers say.
//
// Asking (here, async) and judging (steps/anchor.js, pure) are two steps. Chain id and contract are
// those of the trust file, never the bundle's. A node that lies all of a piece cannot be told from
// an honest one: it has to be one's own.

import { attempt } from "./attempt.js";
import { namedChain } from "./chains.js";
import { sha256 } from "./hashes.js";
import { readCheckpoint, readNote } from "./note.js";
import { FormatError, fromB64, hex, isObject, strictJson, utf8 } from "./strict.js";
import { consistencyFrom } from "./tiles.js";
import { openTrust } from "./trust.js";

// First 4 bytes of the Keccak-256 of the functions' signatures (Solidity ABI).
const ANCHOR_AT = "8c0d6778"; // anchorAt(bytes32,uint64) -> (root, previousSize, blockNumber, blockTime, endorsements)
const LATEST = "79feb107"; // latest(bytes32) -> (alg, size, root, anchors)
const MAX_ANSWER = 1_048_576;
const TIMEOUT = 10_000;

/** Return a function `call(method, params)` that speaks JSON-RPC 2.0 with the node at `url`. */
export function jsonRpc(url, { request = fetch } = {}) {
  return async (method, params) => {
    let text;
    try {
      const response = await request(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
        credentials: "omit",
        cache: "no-store",
        referrerPolicy: "no-referrer",
        redirect: "error",
        signal: AbortSignal.timeout?.(TIMEOUT),
      });
      if (response.status !== 200) throw new Error(`status ${response.status}`);
      text = await response.text();
      if (text.length > MAX_ANSWER) throw new Error("too long an answer");
    } catch (error) {
      throw new UnreachableError(error.message);
    }
    const answer = strictJson(text);
    if (!isObject(answer) || answer.id !== 1 || answer.error || answer.result === undefined) {
      throw new FormatError(`${method}: ${text.slice(0, 200)}`);
    }
    return answer.result;
  };
}

class UnreachableError extends Error {}

/**
 * Ask the node behind `call` about a bundle's anchor; returns its raw answers for `verify(…, { node })`.
 * Never throws for what bundle, trust file or node say. The node learns the log's identifier and a size.
 *
 * `files(origin)` may return a reader of that log's files (tiles.js), or null. They are read where the
 * anchored tree is larger than the checkpoint's and the bundle brings no proof of its growth.
 */
export async function askNode(bundle, trustFile, call, now, { files = () => null } = {}) {
  const parts = isObject(bundle) ? bundle : attempt(() => strictJson(bundle)).value ?? {};
  const trust = attempt(() => openTrust(trustFile, now)).value;
  const head = attempt(() => readCheckpoint(readNote(parts.log.checkpoint))).value;
  const { anchor = null } = parts;
  const chain = trust === undefined ? undefined : attempt(() => namedChain(trust, anchor)).value;
  if (head === undefined || chain === undefined || chain.embedded) return {};
  const answers = { size: anchor === null ? null : anchor.size };
  if (anchor !== null && !Number.isSafeInteger(anchor.size)) return answers;
  const logId = hex(sha256(utf8(head.origin)));
  const ask = (data) => call("eth_call", [{ to: chain.contract, data: `0x${data}` }, "latest"]);
  const askAnchor = (size) => ask(`${ANCHOR_AT}${logId}${size.toString(16).padStart(64, "0")}`);
  try {
    answers.chain_id = await call("eth_chainId", []);
    answers.code = await call("eth_getCode", [chain.contract, "latest"]);
    if (anchor === null) {
      answers.latest = await ask(`${LATEST}${logId}`);
      answers.size = latestOf(answers.latest).size;
      answers.anchor = await askAnchor(answers.size);
    } else {
      // The anchor first: the latest one only grows meanwhile.
      answers.anchor = await askAnchor(anchor.size);
      answers.latest = await ask(`${LATEST}${logId}`);
    }
  } catch (error) {
    return { ...answers, error: error instanceof UnreachableError ? "unreachable" : "malformed", detail: error.message };
  }
  const carried = anchor?.consistency ?? null;
  return carried === null && answers.size > head.size ? { ...answers, ...(await growth(files, head, trust, answers.size)) } : answers;
}

// What the files do not hold is not there: the step says that growth is not proved.
async function growth(files, head, trust, size) {
  const hash = trust.logs.find(({ origin }) => origin === head.origin)?.hash;
  try {
    const read = hash === undefined ? null : files(head.origin);
    return read === null ? {} : { consistency: await consistencyFrom(read, hash, head.size, size) };
  } catch {
    return {};
  }
}

/** Read the answer to eth_chainId. */
export function chainIdOf(answer) {
  if (typeof answer !== "string" || !/^0x(0|[1-9a-fA-F][0-9a-fA-F]{0,15})$/.test(answer)) {
    throw new FormatError("eth_chainId gave no quantity");
  }
  return BigInt(answer) <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(answer) : answer;
}

/** Whether the answer to eth_getCode shows a contract. */
export function hasCode(answer) {
  if (typeof answer !== "string" || !/^0x[0-9a-fA-F]*$/.test(answer)) throw new FormatError("eth_getCode gave no data");
  return answer !== "0x";
}

/** Read what `latest` returned: `{ alg, size, root }`; `alg` 1 SHA-256, 2 SM3, 0 where the log is not known. */
export function latestOf(answer) {
  const [alg, size, root] = wordsOf(answer, 4);
  return { alg: numberOf(alg), size: numberOf(size), root: bytesOf(root) };
}

/** Read what `anchorAt` returned; the root is all zeros where there is no anchor. */
export function anchoredOf(answer) {
  const [root, previous, block, , endorsements] = wordsOf(answer, 5);
  return { root: bytesOf(root), previousSize: numberOf(previous), block: numberOf(block), endorsements: numberOf(endorsements) };
}

/** Read a consistency proof as bundles carry it: a list of hashes in base64. */
export function consistencyOf(part) {
  if (!Array.isArray(part) || part.length > 128) throw new FormatError("not a consistency proof");
  const path = part.map(fromB64);
  if (path.some((node) => node.length !== 32)) throw new FormatError("a proof of another hash");
  return path;
}

function wordsOf(answer, count) {
  if (typeof answer !== "string" || !/^0x[0-9a-fA-F]*$/.test(answer) || answer.length !== 2 + 64 * count) {
    throw new FormatError(`a contract's answer of ${count} words is wanted`);
  }
  return answer.slice(2).match(/.{64}/g);
}

const bytesOf = (word) => Uint8Array.from(word.match(/../g), (pair) => Number.parseInt(pair, 16));

function numberOf(word) {
  const number = BigInt(`0x${word}`);
  if (number > BigInt(Number.MAX_SAFE_INTEGER)) throw new FormatError("a number beyond 2^53 in a contract's answer");
  return Number(number);
}
