// Sets formulas with KaTeX: reads {macros, formulas: [[TeX, displayed], …]} and prints for each
// {html} or {error}, as JSON. It runs in the folder of the npm packages.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const katex = createRequire(`${process.cwd()}/`)("katex");
const { macros, formulas } = JSON.parse(readFileSync(0, "utf8"));
const set = ([tex, displayMode]) => {
  try {
    return { html: katex.renderToString(tex, { displayMode, macros: { ...macros }, strict: "error" }) };
  } catch (error) {
    return { error: error.message };
  }
};
process.stdout.write(JSON.stringify(formulas.map(set)));
