// The page /v. The code is taken from the address and the address cleared before anything is
// requested; the code stays in this tab's history entry alone, so that a reload checks again.

import { CodeError, decodeFragment, parseCode, parseScan } from "../share.js";
import { askNode, jsonRpc } from "../node.js";
import { strictJson } from "../strict.js";
import { logFiles } from "../tiles.js";
import { openTrust } from "../trust.js";
import { verify } from "../verify.js";
import { h, icon, save } from "./dom.js";
import { fetchShare, fetchStatus, fetchTrust, LookupError, toSave } from "./lookup.js";
import { render } from "./render.js";
import { checkedAddress, keepNode, nodeAddress } from "./setting.js";
import { viewOf } from "./view.js";
import { languageOf, speaker } from "./words.js";

const MAX_FILE = 4_194_304;
const language = languageOf(document);
const say = speaker(language);
const find = (id) => document.getElementById(id);
const page = { node: nodeAddress(), ownTrust: null, trustHost: null, stopScan: null, run: 0 };

/** Take the code out of the address. Nothing has been requested by this page's program before. */
function takeCode() {
  if (location.hash === "" || location.hash === "#content") return history.state?.code ?? "";
  const code = decodeFragment(location.hash);
  history.replaceState({ code }, "", location.pathname + location.search);
  return code;
}

const now = () => Math.floor(Date.now() / 1000);

function tell(key, values = {}, tone = "error") {
  const notice = find("notice");
  notice.className = tone === "error" ? "error" : "notice";
  notice.textContent = key === null ? "" : say(key, values);
  notice.hidden = key === null;
}

function busy(on) {
  find("verify").setAttribute("aria-busy", String(on));
  if (on) tell("working", {}, "notice");
}

/** Check what `load` brings, unless another check was begun meanwhile. */
async function check(load, again) {
  page.run += 1;
  const { run } = page;
  busy(true);
  try {
    const [bundle, trust] = await Promise.all([load(), page.ownTrust ?? fetchTrust()]);
    if (run !== page.run) return;
    const judged = await judge(bundle, trust);
    if (run === page.run) show(judged, trust, again);
  } catch (error) {
    if (run === page.run) refuse(error);
  } finally {
    if (run === page.run) busy(false);
  }
}

async function judge(bundle, trust) {
  const node = page.node === "" ? null : await askNode(bundle, trust, jsonRpc(page.node), now(), { files: ownLog });
  const judged = (more) => verify(bundle, trust, { now: now(), node, checkedOn: "device", ...more });
  const report = judged({});
  if (report.steps[2].code !== "status_stale") return { report, bundle };
  const status = await fetchStatus(bundle);
  if (status === undefined) return { report, bundle };
  const again = judged({ status });
  return { report: again, bundle: toSave(bundle, status, again) };
}

// The files of a log at this page's own host; the browser lets the page reach no other (`connect-src 'self'`).
const ownLog = (origin) => (origin.startsWith(`${location.host}/`) ? logFiles(`${location.protocol}//${origin}`) : null);

function show({ report, bundle }, trust, again) {
  tell(null);
  const trouble = trustTrouble(trust);
  if (trouble !== null) tell(trouble, {}, "notice");
  const view = viewOf(report, language);
  const stamp = report.checked_at.replaceAll(":", "").slice(0, 15);
  const button = (key, picture, click, kind = "secondary outline") =>
    h("button", { type: "button", class: kind, click }, icon(picture), " ", say(key));
  const actions = [
    button("another", "scan", reset, ""),
    button("again", "check", again),
    button("print", "print", () => print()),
    button("save_report", "download", () => save(`xinji-report-${stamp}.json`, `${JSON.stringify(report, null, 2)}\n`)),
    button("save_bundle", "download", () => save(`credential-${stamp}.xinji.json`, JSON.stringify(bundle))),
  ];
  find("report").replaceChildren(render(view, language, actions));
  find("entry").hidden = true;
  document.title = `${view.verdict.text} · ${document.title.split(" · ").at(-1)}`;
  find("report").scrollIntoView({ block: "start" });
}

function trustTrouble(trust) {
  try {
    openTrust(trust, now());
    return null;
  } catch (error) {
    return error.code === "trust_expired" ? "trust_expired" : "trust_missing";
  }
}

function refuse(error) {
  find("entry").hidden = false;
  if (error instanceof CodeError) tell(error.code, { sign: error.sign });
  else if (!(error instanceof LookupError)) tell("share_sealed");
  else if (error.code === "pin_needed") askPin(error);
  else tell(error.code, error.values);
}

function askPin({ values }) {
  const field = find("pin");
  const wrong = field.value !== "" && values.left !== undefined;
  find("pin-part").hidden = false;
  field.value = "";
  field.focus();
  tell(wrong ? "pin_wrong" : "pin_needed", values);
}

function checkCode(text) {
  let code;
  try {
    const scanned = /^https?:/i.test(text.trim()) ? parseScan(text.trim(), hosts()) : null;
    if (scanned?.foreign !== undefined) return tell("scan_foreign", { host: scanned.foreign });
    code = scanned?.code ?? parseCode(text);
  } catch (error) {
    return refuse(error);
  }
  history.replaceState({ code }, "", location.pathname + location.search);
  keepCodeOverLanguages(code);
  find("code").value = code.match(/.{1,4}/g).join("-");
  return check(
    () => fetchShare(code, find("pin").value.trim()),
    () => checkCode(code),
  );
}

// The other language is another page: it gets the code as this one did, in the fragment.
function keepCodeOverLanguages(code) {
  for (const link of document.querySelectorAll("nav a[lang]")) link.hash = code;
}

const hosts = () => [location.host, ...(page.trustHost === null ? [] : [page.trustHost])];

async function checkFile(file) {
  if (file === undefined) return;
  if (file.size > MAX_FILE) {
    tell("file_too_large");
    return;
  }
  const text = await file.text();
  // What cannot be read still gets a report, which says so.
  const read = () => {
    try {
      return strictJson(text, { limit: MAX_FILE });
    } catch {
      return {};
    }
  };
  await check(read, () => checkFile(file));
}

async function useTrust(file) {
  const text = file === undefined || file.size > MAX_FILE ? "" : await file.text();
  try {
    const trust = openTrust(text, now());
    Object.assign(page, { ownTrust: text, trustHost: trust.verifierHost });
    tell("trust_used", { version: trust.version }, "notice");
  } catch {
    page.ownTrust = null;
    tell("trust_bad");
  }
}

function useNode() {
  const address = checkedAddress(find("node").value);
  if (address === null) {
    tell("node_bad");
    return;
  }
  page.node = address;
  keepNode(address);
  tell(address === "" ? "node_cleared" : "node_used", { node: address }, "notice");
}

function reset() {
  page.run += 1;
  history.replaceState(null, "", location.pathname + location.search);
  keepCodeOverLanguages("");
  find("report").replaceChildren();
  for (const id of ["code", "pin", "file"]) find(id).value = "";
  find("pin-part").hidden = true;
  find("entry").hidden = false;
  tell(null);
  find("code").focus();
}

async function startScan() {
  tell(null);
  try {
    const { scan } = await import("./scanner.js");
    find("scanner").hidden = false;
    page.stopScan = await scan(find("video"), scanned);
  } catch {
    stopScan();
    tell("scan_failed");
  }
}

function stopScan() {
  page.stopScan?.();
  page.stopScan = null;
  find("scanner").hidden = true;
}

// Returns true when the scanner should go on looking.
function scanned(text) {
  const found = parseScan(text, hosts());
  if (found?.code !== undefined) {
    stopScan();
    checkCode(found.code);
    return false;
  }
  if (found === null) tell("scan_unknown");
  else tell("scan_foreign", { host: found.foreign });
  return true;
}

function listen() {
  find("code-form").addEventListener("submit", (event) => {
    event.preventDefault();
    checkCode(find("code").value);
  });
  find("scan").addEventListener("click", startScan);
  find("scan-stop").addEventListener("click", stopScan);
  find("file").addEventListener("change", (event) => checkFile(event.target.files[0]));
  find("trust-file").addEventListener("change", (event) => useTrust(event.target.files[0]));
  find("node").value = page.node;
  find("node-form").addEventListener("submit", (event) => {
    event.preventDefault();
    useNode();
  });
  const drop = find("drop");
  for (const name of ["dragover", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      if (name === "drop") checkFile(event.dataTransfer.files[0]);
    });
  }
  addEventListener("hashchange", () => {
    const code = takeCode();
    if (code !== "") checkCode(code);
  });
  // Closed details are not printed.
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("#report details")) details.open = true;
  });
}

const first = takeCode();
listen();
find("no-script").hidden = true;
find("pin-part").hidden = true;
find("offline").hidden = false;
find("scan").hidden = navigator.mediaDevices?.getUserMedia === undefined;
if (first !== "") checkCode(first);
