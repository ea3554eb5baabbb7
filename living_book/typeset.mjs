// Sets formulas with KaTeX: reads {macros, formulas: [[TeX, displayed], …]} and prints for each
// {html} or {error}, as JSON. It runs in the folder of the npm packages.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const katex = createRequire(`${process.cwd()}/`)("katex");
const { macros, formulas } = JSON.parse(readFileSync(0, "utf8"));

// Where a formula may part, the best places first: a line parts at a place only if what stands between two
// better places is wider than the screen. KaTeX itself parts behind every relation and every operator.
// A display begins its new lines with the relation, as in print, and nowhere else; a formula in the text
// ends its lines with it, and as a last resort parts behind operators, inside of parentheses, between
// factors and between words.
const IMPLIES = /[⇒⇐⇔⟹⟸⟺→⟶↦⟼]/;
const SPACE = /[ \u00a0]$/;
const is = (node, ...kinds) => kinds.some((kind) => node?.classes?.includes(kind));
const text = (node) => node.text ?? node.children?.map(text).join("") ?? "";
const wide = (node) => is(node, "mspace") && parseFloat(node.style?.marginRight) >= 1;
const rank = (node, inner, displayed) => {
  if (displayed && inner) return Infinity;
  if (wide(node)) return inner ? 4 : 0;
  if (is(node, "mrel")) return inner ? 4 : IMPLIES.test(text(node)) ? 1 : 2;
  if (displayed) return Infinity;
  if (is(node, "mpunct")) return inner ? 4 : 2;
  if (is(node, "mbin")) return inner ? 5 : 3;
  return is(node, "mclose") || SPACE.test(text(node)) ? 6 : Infinity;
};

const like = (node, changes) => Object.assign(Object.create(Object.getPrototypeOf(node)), { ...node, ...changes });
const span = (node, children, name) => like(node, { children, classes: [name], style: {}, attributes: {} });
const BREAK = { toMarkup: () => "<wbr>", toNode: () => null };

// The words of a text, each with the space after it.
const words = (node) => {
  if (node.text) return (node.text.match(/[^ \u00a0]*[ \u00a0]+|[^ \u00a0]+$/g) ?? []).map((text) => like(node, { text }));
  if (!/[ \u00a0]/.test(text(node))) return [node];
  return node.children.flatMap(words).map((word) => like(node, { children: [word] }));
};

// The parts of a run of KaTeX's unbreakable boxes, each with the strut that keeps its height.
const atoms = (boxes) => boxes.flatMap((box) => {
  const [strut, ...rest] = is(box.children[0], "katex-strut") ? box.children : [null, ...box.children];
  return rest.flatMap((node) => (is(node, "text") ? words(node) : [node])).map((node) => ({ node, strut }));
});

// Give each atom the rank of the place before it.
const ranked = (list, displayed) => {
  let depth = 0, norm = false;
  for (const atom of list) atom.rank = Infinity;
  list.forEach(({ node }, i) => {
    const many = node.text?.length ?? 1; // KaTeX joins '))' to one
    depth = Math.max(0, depth + many * (is(node, "mopen") - is(node, "mclose")));
    if (is(node, "mord") && text(node).startsWith("∥")) norm = !norm;
    const found = rank(node, depth > 0 || norm, displayed);
    if (found === Infinity) return;
    const before = displayed && is(node, "mrel");
    let at = before ? i : i + 1;
    while (!before && is(list[at]?.node, "mspace")) at += 1;
    const others = before ? list.slice(0, at).reverse() : list.slice(at);
    const neighbor = others.find((other) => !is(other.node, "mspace"))?.node;
    // ':' and '=' are one sign; no line begins with a comma.
    if (!neighbor || is(neighbor, "mrel") && is(node, "mrel")) return;
    if (!before && is(neighbor, "mpunct", "mclose")) return;
    list[at].rank = Math.min(list[at].rank, found);
  });
  return list;
};

// A group that is wider than a phone parts where it likes: as a box it would keep its comma far from it.
const LONG = 24;
const isLong = (list) => list.reduce((sum, { node }) => sum + text(node).length, 0) > LONG;

const grouped = (list, box, displayed) => {
  const best = Math.min(...list.slice(1).map((atom) => atom.rank));
  if (best === Infinity) {
    const struts = [...new Set(list.map(({ strut }) => strut))].filter(Boolean);
    return [span(box, [...struts, ...list.map(({ node }) => node)], "katex-base")];
  }
  const starts = [0, ...list.flatMap((atom, i) => (i && atom.rank === best ? [i] : []))];
  return starts.flatMap((start, k) => {
    const piece = list.slice(start, starts[k + 1]);
    const parts = grouped(piece, box, displayed);
    const loose = parts.length === 1 || (!displayed && isLong(piece));
    const group = loose ? parts : [span(box, parts, "katex-group")];
    return k ? [BREAK, ...group] : group;
  });
};

const walk = (node, displayed) => {
  if (!is(node, "katex-html")) return node.children?.forEach((child) => walk(child, displayed));
  const runs = [];
  for (const child of node.children) {
    const last = runs[runs.length - 1];
    if (is(child, "katex-base") && !is(child, "tag") && Array.isArray(last)) last.push(child);
    else runs.push(is(child, "katex-base") && !is(child, "tag") ? [child] : child);
  }
  node.children = runs.flatMap((run) => (
    Array.isArray(run) ? grouped(ranked(atoms(run), displayed), run[0], displayed) : [run]));
  // What touches the formula stays with its ends.
  for (const i of displayed ? [] : new Set([0, node.children.length - 1]))
    if (node.children[i]) node.children[i] = span(node.children[i], [node.children[i]], "katex-end");
};

const set = ([tex, displayMode]) => {
  try {
    const tree = katex.__renderToDomTree(tex, { displayMode, macros: { ...macros }, strict: "error" });
    walk(tree, displayMode);
    return { html: tree.toMarkup() };
  } catch (error) {
    return { error: error.message };
  }
};
process.stdout.write(JSON.stringify(formulas.map(set)));
