// All code of all pages, shown or folded: a reader says so once.
{
  const KEY = "living-book:all-code";
  const keep = (...words) => { try { return words.length ? localStorage.setItem(KEY, ...words) : localStorage.getItem(KEY); } catch { return null; } };
  const button = document.querySelector(".code-switch button");
  const show = (all) => {
    button.setAttribute("aria-pressed", all);
    for (const fold of document.querySelectorAll("details.hide")) fold.open = all;
  };
  if (button) {
    if (keep() === "true") show(true);
    button.onclick = () => {
      const all = button.getAttribute("aria-pressed") !== "true";
      show(all);
      keep(String(all));
    };
  }
  // A link into a fold opens it, also where the browser does not.
  const unfold = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let fold = target?.closest?.("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();
}
