// Cards: what a link within the book leads to, shown beside the link: a statement, a figure, an equation,
// the entry of a reference. A mouse that rests on the link or the keyboard's focus brings it; on a touch
// screen the first tap does, and the second follows the link. Escape closes. The other page is loaded when
// it is first asked for; opened from a disk, a page can show what stands on itself.
{
  const PATIENCE = 250; // milliseconds until a card comes or goes
  const KINDS = "div.proof, div.admonition, div.math, figure, .citation, dl.py, section, dt";
  const LINKS = ".bd-article a.reference.internal:not(.headerlink), .bd-article .math a[href*='#']";
  const pages = new Map([[location.pathname, Promise.resolve(document)]]);

  const card = Object.assign(document.createElement("div"), { className: "card-of-link", id: "card-of-link" });
  card.setAttribute("role", "tooltip");
  card.setAttribute("popover", "manual");
  let shown = null, timer = 0;

  const load = (url) => {
    if (!pages.has(url.pathname)) {
      if (location.protocol === "file:") return Promise.reject(); // a disk lets no page read another
      const page = fetch(url).then((answer) => (answer.ok ? answer.text() : Promise.reject(answer.status)))
        .then((text) => new DOMParser().parseFromString(text, "text/html"));
      pages.set(url.pathname, page);
      page.catch(() => pages.delete(url.pathname)); // the next time it is tried again
    }
    return pages.get(url.pathname);
  };

  // What a link shows is a copy, in which nothing acts and nothing has the name of another.
  const content = (page, url) => {
    const target = page.getElementById(decodeURIComponent(url.hash.slice(1)));
    let place = target?.closest(KINDS) ?? null;
    if (!place || place.matches("section section section")) place = target;
    if (!place || !place.textContent.trim()) return null;
    const copy = document.createElement("div");
    if (place.matches("section")) copy.append(...[...place.children].filter((e) => e.matches("h1, h2, h3, h4, p")).slice(0, 2).map((e) => document.importNode(e, true)));
    else copy.append(document.importNode(place, true));
    if (place.matches("dt") && place.nextElementSibling) copy.append(document.importNode(place.nextElementSibling.querySelector("p") ?? "", true));
    for (const extra of copy.querySelectorAll(".headerlink, button, script, [data-instead]")) extra.remove();
    for (const named of copy.querySelectorAll("[id]:not(svg *)")) named.removeAttribute("id");
    // A picture refers to parts of its own by their names, which are other ones here than on the page.
    for (const svg of copy.querySelectorAll("svg.linked")) svg.outerHTML = svg.outerHTML.replaceAll(/( id="|href="#|url\(#)(?=picture-)/g, "$1card-");
    for (const picture of copy.querySelectorAll("img")) {
      picture.src = new URL(picture.getAttribute("src"), url).href;
      picture.loading = "eager";
    }
    for (const link of copy.querySelectorAll("a")) link.replaceWith(...link.childNodes);
    return copy;
  };

  const hide = () => {
    clearTimeout(timer);
    if (shown) shown.removeAttribute("aria-describedby");
    shown = null;
    if (card.isConnected && card.matches(":popover-open")) card.hidePopover();
  };

  const put = (link) => {
    const box = link.getClientRects()[0], margin = 8;
    const { clientWidth, clientHeight } = document.documentElement;
    const { width, height } = card.getBoundingClientRect();
    const below = box.bottom + margin + height < clientHeight || box.top < clientHeight / 2;
    card.style.left = `${Math.max(margin, Math.min(box.left, clientWidth - width - margin))}px`;
    card.style.top = `${below ? Math.min(box.bottom + margin, clientHeight - margin) : Math.max(margin, box.top - height - margin)}px`;
    card.style.maxHeight = `${below ? clientHeight - box.bottom - 2 * margin : box.top - 2 * margin}px`;
  };

  const show = async (link) => {
    const url = new URL(link.href);
    const page = await load(url).catch(() => null);
    const copy = page && shown === link && content(page, url);
    if (!copy) return;
    card.replaceChildren(copy);
    document.body.append(card);
    card.style.maxHeight = "";
    card.showPopover();
    link.setAttribute("aria-describedby", card.id);
    put(link);
  };

  const come = (link, patience) => {
    clearTimeout(timer);
    if (shown === link) return;
    hide();
    shown = link;
    timer = setTimeout(show, patience, link);
  };
  const go = () => { clearTimeout(timer); timer = setTimeout(hide, PATIENCE); };

  const linkOf = (event) => {
    const link = event.target instanceof Element ? event.target.closest(LINKS) : null;
    return link && new URL(link.href).hash && new URL(link.href).origin === location.origin ? link : null;
  };
  if (card.showPopover) {
    let touched = false;
    addEventListener("pointerdown", (event) => { touched = event.pointerType === "touch"; }, true);
    document.addEventListener("pointerover", (event) => {
      if (event.pointerType === "touch") return;
      const link = linkOf(event);
      if (link) come(link, PATIENCE);
      else if (card.contains(event.target)) clearTimeout(timer);
      else if (shown && !shown.contains(document.activeElement)) go();
    });
    document.addEventListener("focusin", (event) => { const link = linkOf(event); if (link && !touched) come(link, 0); else if (!card.contains(event.target)) hide(); });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
    document.addEventListener("click", (event) => {
      const link = linkOf(event);
      if (link && touched && shown !== link) { event.preventDefault(); come(link, 0); }
      else if (!card.contains(event.target)) hide();
    });
    addEventListener("scroll", () => {
      if (!card.isConnected || !card.matches(":popover-open")) return;
      const { top, bottom } = shown.getBoundingClientRect();
      if (bottom < 0 || top > document.documentElement.clientHeight) hide();
      else put(shown);
    }, { passive: true });
  }
}
