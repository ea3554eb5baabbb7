// Sections change their height when they are laid out, which is when a reader comes near (book.css).
// A page that was opened at an anchor stays there until the reader moves on.
const anchored = () => document.getElementById(decodeURIComponent(location.hash.slice(1)));
let held = true;
for (const move of ["wheel", "touchmove", "keydown", "pointerdown"])
  addEventListener(move, () => { held = false; }, { passive: true });
addEventListener("hashchange", () => { held = true; });
const stay = new ResizeObserver(() => { if (held) anchored()?.scrollIntoView(); });
document.querySelectorAll("article").forEach((article) => stay.observe(article));
