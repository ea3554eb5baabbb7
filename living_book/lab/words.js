// @ts-nocheck: JupyterLab gives its types to what is built with it, and this is loaded as it is.
// jupyterlab-myst reads one notebook at a time: it knows no bibliography and no other chapter, and
// marks each reference to them as broken. This extension gives it both, on the parsed Markdown.

/** Yield every node of a parsed cell. */
function* nodes(node) {
  yield node;
  for (const child of node.children ?? []) yield* nodes(child);
}

const words = (node) => [...nodes(node)].map((one) => (one.type === "text" ? one.value : "")).join("");
const text = (value) => ({ type: "text", value });
const link = (url, value) => (url ? { type: "link", url, children: [text(value)] } : text(value));

/** Return each entry of a bibliography by its key: the authors as one says them, year, address. */
function readBibliography(bib) {
  const entries = bib.split(/^@\w+\{/m).slice(1).map((entry) => {
    const field = (name) => entry.match(`\\b${name}\\s*=\\s*\\{((?:[^{}]|\\{[^{}]*\\})*)\\}`)?.[1];
    const names = (field("author") ?? "").split(/\s+and\s+/).map((name) => name.split(",")[0].trim());
    const authors = names.length > 2 ? `${names[0]} et al.` : names.join(" and ");
    const paper = field("eprint") && `https://arxiv.org/abs/${field("eprint")}`;
    const url = field("url") ?? (field("doi") ? `https://doi.org/${field("doi")}` : paper);
    return [entry.split(",")[0].trim(), { authors, year: field("year"), url }];
  });
  return Object.fromEntries(entries);
}

/** Return each labeled statement of a parsed chapter, numbered as JupyterLab numbers them. */
function readStatements(cells, url) {
  const all = cells.flatMap((cell) => [...nodes(cell)]);
  const title = words(all.find((node) => node.type === "heading") ?? text(url));
  const counts = {};
  const found = all
    .filter((node) => node.type === "proof" || node.type === "exercise")
    .map((node) => {
      const kind = node.kind ?? node.type;
      counts[kind] = (counts[kind] ?? 0) + 1;
      const name = `${kind[0].toUpperCase()}${kind.slice(1)} ${counts[kind]} of “${title}”`;
      return [node.label, { name, url }];
    });
  return Object.fromEntries(found.filter(([label]) => label));
}

/** Return what to show for a node that jupyterlab-myst cannot resolve, or the node itself. */
function mend(node, book) {
  if (node.type === "citeGroup" || node.type === "cite") {
    const cites = node.type === "cite" ? [node] : node.children;
    const narrative = node.kind === "narrative";
    const shown = cites.flatMap(({ label }, index) => {
      const { authors, year, url } = book.bibliography[label] ?? { authors: label, year: "?" };
      const said = link(url, narrative ? `${authors} [${year}]` : `${authors}, ${year}`);
      return index ? [text("; "), said] : [said];
    });
    return narrative ? shown : [text("["), ...shown, text("]")];
  }
  if (node.type === "crossReference" && !node.children?.length) {
    const elsewhere = book.statements[node.label];
    if (elsewhere) return [link(elsewhere.url, elsewhere.name)];
    // A figure's name stands in the metadata of its cell, which jupyterlab-myst does not read.
    const figure = node.label?.match(/^fig-(.*)/)?.[1];
    return figure ? [text(`the figure “${figure.replaceAll("-", " ")}”`)] : [node];
  }
  return [node.children ? Object.assign(node, { children: node.children.flatMap((child) => mend(child, book)) }) : node];
}

/** Read what stands beside a notebook: the bibliographies and the other chapters. */
async function readBook(contents, path, parse) {
  const folder = await contents.get(path.split("/").slice(0, -1).join("/"));
  const beside = (ending) => folder.content.filter((file) => file.path.endsWith(ending) && file.path !== path);
  const read = async (file) => (await contents.get(file.path)).content;
  const bibs = await Promise.all(beside(".bib").map(read));
  const chapters = await Promise.all(
    beside(".ipynb").map(async (file) => {
      const markdown = (await read(file)).cells.filter((cell) => cell.cell_type === "markdown");
      return readStatements(await Promise.all(markdown.map((cell) => parse(cell.source))), file.name);
    }),
  );
  return { bibliography: readBibliography(bibs.join("\n")), statements: Object.assign({}, ...chapters) };
}

const plugin = {
  id: "living-book:words",
  autoStart: true,
  activate(app) {
    const mended = new WeakSet();
    const createNew = ({ content, context }) => {
      const factory = content.contentFactory;
      if (mended.has(factory)) return;
      mended.add(factory);
      const books = new Map();
      const create = factory.createMarkdownCell.bind(factory);
      factory.createMarkdownCell = (options) => {
        const cell = create(options);
        const update = cell.updateFragmentMDAST;
        if (!update) return cell; // jupyterlab-myst is not there, or not as it was
        const parse = async (source) => {
          const alone = { model: { sharedModel: { getSource: () => source } } };
          await update.call(alone);
          return alone._fragmentMDAST;
        };
        cell.updateFragmentMDAST = async () => {
          await update.call(cell);
          const path = cell.parent?.parent?.context?.path ?? context.path;
          if (!books.has(path)) books.set(path, readBook(app.serviceManager.contents, path, parse));
          const book = await books.get(path).catch(() => null);
          if (book) mend(cell._fragmentMDAST, book);
        };
        return cell;
      };
    };
    app.docRegistry.addWidgetExtension("Notebook", { createNew });
  },
};

globalThis._JUPYTERLAB ??= {};
globalThis._JUPYTERLAB["living-book"] = { init() {}, get: async () => () => ({ __esModule: true, default: plugin }) };
