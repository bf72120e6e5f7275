// Step 6: the anchor must not contradict the checkpoint; only the verifier's own node can confirm it.
// Pure: the node's raw answers (node.js brings them) are among the inputs.

import { attempt } from "../attempt.js";
import { namedChain } from "../chains.js";
import { HASHES } from "../hashes.js";
import { consistent } from "../merkle.js";
import { anchoredOf, chainIdOf, consistencyOf, hasCode, latestOf } from "../node.js";
import { Finding } from "../report.js";
import { equalBytes, fromB64, isIndex } from "../strict.js";

const ALGORITHMS = { 1: HASHES["sha-256"], 2: HASHES.sm3 };

/** `node`: the answers of `askNode`, or null where no node was asked; `head` of the checkpoint, or null. */
export function checkAnchor(anchor, head, trust, node) {
  // 6a. What the bundle says must not contradict its own checkpoint; without a node it proves no more.
  const claim = anchor === null || anchor === undefined ? null : claimOf(anchor, head);
  const chain = trust !== null && node !== null ? namedChain(trust, anchor) : undefined;
  if (claim === null && chain === undefined) throw new Finding("anchor_absent");
  const shown = claim?.evidence ?? {};
  if (chain === undefined ? claim.mode === "embedded" : chain.embedded) throw new Finding("anchor_embedded", shown);
  if (node === null || head === null || trust === null) throw new Finding("anchor_not_checked", shown);
  if (chain === undefined) throw new Finding("anchor_unknown_chain", shown);

  // 6b. The node is on that chain, and the contract stands there.
  const seen = { ...shown, chain_id: chain.chainId, contract: chain.contract };
  const { latest, held } = read(node, chain, seen);

  // 6c. It holds this log's anchor, with this root and no other.
  const size = heldSize(claim, latest, held, { node, head, seen });
  const evidence = { ...seen, size, block_number: held.block, endorsements: held.endorsements };
  const roots = [...(claim === null ? [] : [claim.root]), ...(size === head.size ? [head.root] : [])];
  if (ALGORITHMS[latest.alg] !== head.hash || !roots.every((root) => equalBytes(root, held.root))) {
    throw new Finding("anchor_node_contradicts", evidence);
  }

  // 6d. The anchored tree is the checkpoint's, or grew out of it.
  if (size > head.size) checkGrowth(claim?.consistency, node.consistency, head, { size, root: held.root }, evidence);
  return { code: "anchor_ok", evidence };
}

function claimOf(anchor, head) {
  const { mode, chain_id: chainId, contract, transaction, block_number: block, size, root, consistency } = anchor;
  const shown = { mode, chain_id: chainId, contract, transaction, block_number: block, size, anchored_root: root };
  const evidence = Object.fromEntries(Object.entries(shown).filter(([, value]) => ["string", "number"].includes(typeof value)));
  const bytes = fromB64(root);
  if (typeof mode !== "string" || !isIndex(size) || bytes.length !== 32) throw new Finding("anchor_mismatch", evidence);
  const contradicts = head !== null && (size < head.size || (size === head.size && !equalBytes(bytes, head.root)));
  if (contradicts) throw new Finding("anchor_mismatch", evidence);
  return { mode, size, root: bytes, consistency, evidence };
}

// What fails first, in the order in which it was asked, is told.
function read(node, chain, evidence) {
  const finding = (code, more = {}) => new Finding(code, { ...evidence, ...more });
  if (node.error === "unreachable") throw finding("anchor_node_unreachable", { detail: node.detail ?? "" });
  try {
    if (node.error && node.chain_id === undefined) throw new Error(node.detail ?? "");
    const found = chainIdOf(node.chain_id);
    if (found !== chain.chainId) throw finding("anchor_node_other_chain", { node_chain_id: found });
    if (node.code !== undefined && !hasCode(node.code)) throw finding("anchor_node_no_contract");
    if (node.error || node.code === undefined) throw new Error(node.detail ?? "");
    return { latest: latestOf(node.latest), held: anchoredOf(node.anchor) };
  } catch (error) {
    throw error instanceof Finding ? error : finding("anchor_node_malformed", { detail: error.message });
  }
}

function heldSize(claim, latest, held, { node, head, seen }) {
  const size = claim === null ? latest.size : claim.size;
  const malformed = (detail) => new Finding("anchor_node_malformed", { ...seen, detail });
  if (node.size !== size) throw malformed("the node was asked about another size");
  if (latest.size < Math.max(size, head.size)) throw new Finding("anchor_node_behind", { ...seen, node_size: latest.size });
  if (held.root.every((byte) => byte === 0)) {
    if (latest.size === size) throw malformed("the latest anchor is not there");
    throw new Finding("anchor_not_found", { ...seen, node_size: latest.size });
  }
  const disagrees = latest.size === size && !equalBytes(latest.root, held.root);
  if (held.previousSize >= size || disagrees) throw malformed("the node contradicts itself");
  return size;
}

// A proof that the bundle brings must hold; one made from the log's files tells nothing where it does not.
function checkGrowth(carried, fetched, head, anchored, evidence) {
  const holds = (part) => attempt(() => consistent(consistencyOf(part), head, anchored, head.hash)).value === true;
  if (carried !== undefined && carried !== null) {
    if (!holds(carried)) throw new Finding("anchor_not_consistent", evidence);
  } else if (fetched === undefined || fetched === null || !holds(fetched)) {
    throw new Finding("anchor_no_consistency", evidence);
  }
}
