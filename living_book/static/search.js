// Search: what a reader writes into the dialog or on the search page is looked for as it is written.
// The index and what looks into it are one script, which the first letter loads; a page from a disk
// can load it, too. Arrows move between the field and what is found.
{
  const MOST = 50, PATIENCE = 120; // results that are shown; milliseconds until a pause is one
  const here = document.currentScript.src;
  let loading = null;
  const load = () => loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("search-index.js", here).href;
    script.onload = () => resolve(globalThis.searchBook);
    script.onerror = () => { loading = null; script.remove(); reject(); }; // the next letter tries again
    document.head.append(script);
  });

  const element = (name, className, ...content) => {
    const made = Object.assign(document.createElement(name), { className });
    made.append(...content);
    return made;
  };
  const marked = (pieces) => pieces.map(([text, looked]) => (looked ? element("mark", "", text) : text));
  const item = ({ title, url, where, text }) => {
    const link = element("a", "", ...marked(title));
    link.href = new URL(`../${url}`, here).href;
    return element("li", "", link, " ", element("span", "found-where", where), element("p", "", ...marked(text())));
  };

  const attach = (field, place) => {
    const status = element("p", "found-status"), list = element("ol", "found-list");
    status.setAttribute("role", "status");
    place.classList.add("found");
    place.append(status, list);
    let timer = 0;
    const show = async () => {
      const words = field.value.trim();
      const search = words && await load().catch(() => null);
      if (words !== field.value.trim()) return; // a later letter has its own answer
      const found = search ? search(words) : [];
      list.replaceChildren(...found.slice(0, MOST).map(item));
      const count = `${found.length || "No"} result${found.length === 1 ? "" : "s"}`;
      status.textContent = !words ? "" : !search ? "The index of the book cannot be loaded." : found.length > MOST ? `${count}, the first ${MOST} of them here` : count;
    };
    field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(show, PATIENCE); });
    field.form.parentElement.addEventListener("keydown", (event) => {
      if (event.key === "Escape") field.closest("dialog")?.close();
      const stops = [field, ...list.querySelectorAll("a")], step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const next = step && stops[stops.indexOf(document.activeElement) + step];
      if (next) { event.preventDefault(); next.focus(); }
    });
    list.addEventListener("click", (event) => { if (event.target.closest("a")) field.closest("dialog")?.close(); });
    return show;
  };

  const inDialog = document.querySelector("dialog input[name=q]");
  if (inDialog) attach(inDialog, inDialog.closest("dialog").appendChild(element("div", "")));
  const place = document.getElementById("search-results"), field = place?.parentElement.querySelector("input[name=q]");
  if (field) {
    field.value = new URLSearchParams(location.search).get("q") ?? "";
    attach(field, place)();
  }
}
