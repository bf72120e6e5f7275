// Step 6: the anchor must not contradict the checkpoint; without a chain node of one's own it proves no more.

import { Finding } from "../report.js";
import { equalBytes, fromB64, isIndex } from "../strict.js";

export function checkAnchor(anchor, head) {
  if (anchor === null || anchor === undefined) throw new Finding("anchor_absent");
  const { mode, chain_id: chainId, contract, transaction, block_number: block, size, root } = anchor;
  const shown = { mode, chain_id: chainId, contract, transaction, block_number: block, size, anchored_root: root };
  const evidence = Object.fromEntries(Object.entries(shown).filter(([, value]) => ["string", "number"].includes(typeof value)));
  const bytes = fromB64(root);
  if (typeof mode !== "string" || !isIndex(size) || bytes.length !== 32) throw new Finding("anchor_mismatch", evidence);
  const contradicts = head !== null && (size < head.size || (size === head.size && !equalBytes(bytes, head.root)));
  if (contradicts) throw new Finding("anchor_mismatch", evidence);
  return { code: mode === "embedded" ? "anchor_embedded" : "anchor_not_checked", evidence };
}
