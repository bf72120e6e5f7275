// @xinji/verifier: what other programs may use.

export { askNode, jsonRpc } from "./node.js";
export { logFiles } from "./tiles.js";
export { verify } from "./verify.js";
export { openTrust, TrustError, updateTrust } from "./trust.js";
export { CodeError, grouped, openShare, parseCode, parseScan, shareKeys } from "./share.js";
export { FormatError } from "./strict.js";
