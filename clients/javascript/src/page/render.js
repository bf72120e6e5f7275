// The report as elements: the same elements and class names as templates/credentials/verify_report_body.html.

import { h, icon } from "./dom.js";
import { speaker } from "./words.js";

const facts = (items) =>
  h("dl", { class: "facts" }, items.map(({ label, value, code }) => [h("dt", {}, label), h("dd", code ? { class: "code" } : {}, value)]));

/** Render a view (view.js). `actions` are the buttons under the checks. */
export function render(view, language, actions) {
  const say = speaker(language);
  const { verdict } = view;
  return h(
    "section",
    { class: "report", "data-verdict": verdict.code },
    h(
      "div",
      { class: `verdict ${verdict.tone}`, role: "status" },
      icon(verdict.icon),
      h("div", {}, h("span", { class: "verdict-word" }, verdict.text), ...verdictNotes(verdict)),
    ),
    h("p", { class: "muted small checked" }, view.checked),
    view.award === null ? null : award(view.award, say),
    h("h2", {}, say("checks")),
    h("div", { class: "checks" }, view.checks.map((check) => checkItem(check, say))),
    h("div", { class: "actions" }, actions),
    h("details", { class: "check" }, h("summary", {}, say("convinces_title")), h("p", {}, view.convinces), view.identity === null ? null : h("p", {}, view.identity)),
  );
}

const verdictNotes = ({ reason, means }) => [
  reason === null ? null : h("small", { class: "verdict-reason" }, h("b", {}, reason[0]), " ", reason[1]),
  h("small", {}, means),
];

function award(view, say) {
  const note = view.issuerNote === null ? null : h("span", { class: "chip unchecked" }, icon("question"), view.issuerNote);
  const code = view.issuerCode === null ? null : h("span", { class: "muted small" }, `${say("school_code")} `, h("span", { class: "code" }, view.issuerCode));
  return h(
    "article",
    { class: view.warning === null ? "award certificate" : "award" },
    view.warning === null ? null : h("p", { class: "error" }, view.warning),
    h("h2", {}, view.title),
    view.holder === null ? null : h("p", { class: "holder" }, view.holder),
    h("p", { class: "issuer" }, h("span", { class: "muted small" }, say("issuer")), h("b", {}, view.issuer), code, note),
    view.empty === null ? facts(view.facts) : h("p", { class: "muted" }, view.empty),
    h(
      "footer",
      {},
      facts([...(view.accreditedBy.length === 0 ? [] : [{ label: say("accredited_by"), value: view.accreditedBy.join(" → "), code: false }]), ...view.more]),
    ),
  );
}

const checkItem = (check, say) =>
  h(
    "details",
    { class: "check" },
    h(
      "summary",
      {},
      h("span", { class: `chip ${check.tone}` }, icon(check.icon), check.result),
      h("span", {}, h("b", {}, check.name), h("span", { class: "sentence" }, check.sentence)),
    ),
    check.facts.length === 0 ? null : facts(check.facts),
    h("p", { class: "muted small" }, `${say("code")} `, h("span", { class: "code" }, check.code)),
  );
