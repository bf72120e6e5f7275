// The reader's own chain node: its address stays in this browser's storage, and nowhere else.

const NAME = "xinji.node";

/** Return the address that was chosen in this browser, or "". */
export function nodeAddress() {
  try {
    return checkedAddress(localStorage.getItem(NAME) ?? "") ?? "";
  } catch {
    return ""; // Storage is forbidden: nothing was kept.
  }
}

/** Keep `address`, or forget it where it is empty; it lasts as long as this page where storage is forbidden. */
export function keepNode(address) {
  try {
    if (address === "") localStorage.removeItem(NAME);
    else localStorage.setItem(NAME, address);
  } catch {
    // This page still uses it.
  }
}

/** Return `text` as an address that may be asked: a path of this host, http or https; null for anything else. */
export function checkedAddress(text, base = location.href) {
  const typed = text.trim();
  if (typed === "") return "";
  try {
    const url = new URL(typed, base);
    const plain = typed.startsWith("/") ? !/^\/[/\\]/.test(typed) : /^https?:\/\//i.test(typed);
    return plain && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "" ? url.href : null;
  } catch {
    return null;
  }
}
