// Turns the slides of a deck with reveal.js. A link can ask for some of them by the names of what they
// show: "?only=thm-polyak-rate,fig-star". What stands on a slide is drawn as large as fits.
{
  const { Reveal, RevealNotes } = globalThis;
  const LARGEST = 1.9, STEP = 0.1;
  const least = (body) => (body.querySelector("figure, .explorer, .computed") ? 0.5 : 0.9); // text is to be read, and scrolls
  const ACTS = "input, select, button, summary, a, [role=textbox], [contenteditable], svg [tabindex]";
  const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = kept("theme");
  document.documentElement.dataset.theme = ["light", "dark"].includes(theme) ? theme : dark.matches ? "dark" : "light";

  const only = new URLSearchParams(location.search).get("only")?.split(",");
  const shows = (slide, name) => slide.querySelector(`#${CSS.escape(name)}`) || slide.matches(`[data-place="${CSS.escape(name)}"]`) || slide.querySelector(`[data-place="${CSS.escape(name)}"]`);
  if (only) for (const slide of document.querySelectorAll(".slides > section:not(#on-title)")) if (!only.some((name) => shows(slide, name))) slide.remove();
  for (const link of document.querySelectorAll("#on-title li a")) if (!document.getElementById(link.hash.slice(1))) link.parentElement.remove();

  const fit = (slide) => {
    const body = slide?.querySelector(":scope > .slide-body");
    if (!body || body.style.zoom) return;
    for (let zoom = LARGEST; zoom >= least(body); zoom -= STEP) {
      body.style.zoom = zoom;
      if (slide.scrollHeight <= slide.clientHeight && body.scrollWidth <= body.clientWidth) break;
    }
  };

  // A slide is laid out after its turn, and the fonts of its formulas come then.
  const turn = ({ currentSlide }) => requestAnimationFrame(() => document.fonts.ready.then(() => fit(currentSlide)));
  Reveal.on("ready", turn);
  Reveal.on("slidechanged", turn);
  Reveal.initialize({
    width: 1280, height: 720, margin: 0.02, maxScale: 3, center: false, transition: "none",
    hash: true, slideNumber: "c/t", plugins: [RevealNotes],
    keyboardCondition: () => !document.activeElement?.matches(ACTS),
  });
}
