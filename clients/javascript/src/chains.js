// The chains of a trust file, and which of them an anchor means.

import { isObject, isText } from "./strict.js";

/** Read the chains of a trust file; those of a form that is not known here are left out. */
export function readChains(chains) {
  return chains.flatMap((item) => {
    const { mode, chain_id: chainId, contract } = isObject(item) ? item : {};
    const formed = isText(mode) && Number.isSafeInteger(chainId) && /^0x[0-9a-fA-F]{40}$/.test(String(contract));
    return formed ? [{ mode, chainId, contract: contract.toLowerCase(), embedded: mode === "embedded" }] : [];
  });
}

/** The chain that a node is asked about: the one that `anchor` names, or without one the first that is not embedded. */
export function namedChain(trust, anchor) {
  if (anchor === null || anchor === undefined) return trust.chains.find(({ embedded }) => !embedded);
  const contract = typeof anchor.contract === "string" ? anchor.contract.toLowerCase() : null;
  return trust.chains.find((chain) => chain.chainId === anchor.chain_id && chain.contract === contract);
}
