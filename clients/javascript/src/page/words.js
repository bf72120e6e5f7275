// The page's words. They live with the verifier, not in the server's catalogues: the page is also
// released as static files that another organisation hosts without our server.

import labels from "../labels.json" with { type: "json" };

/** Return the language of the document: "zh" or "en". */
export const languageOf = (document) => (document.documentElement.lang.startsWith("zh") ? "zh" : "en");

/** Return a function that gives the word for a key, with its places filled in. */
export function speaker(language) {
  return (key, values = {}) => labels.words[key][language].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? "?"));
}
