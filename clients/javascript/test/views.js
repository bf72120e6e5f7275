// Print, for every verification vector, the report and what the page shows of it in both languages.

import { readdirSync, readFileSync } from "node:fs";
import { viewOf } from "../src/page/view.js";
import { verify } from "../src/index.js";

const FOLDER = new URL("../../../tests/vectors/verification/", import.meta.url);

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".json"))) {
  const { now, trust, bundle, status } = JSON.parse(readFileSync(new URL(file, FOLDER), "utf8"));
  for (const checkedOn of ["device", "server"]) {
    const report = verify(bundle, trust, { now: Date.parse(now) / 1000, status, checkedOn });
    console.log(JSON.stringify({ file, report, zh: viewOf(report, "zh"), en: viewOf(report, "en") }));
  }
}
