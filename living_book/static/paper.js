// A page on paper, from the reader's own browser: in light colors, with its folds open and its pictures
// there. The fonts of formulas come while the reader reads, since no print waits for them.
{
  const html = document.documentElement;
  let undo = [];

  addEventListener("beforeprint", () => {
    const { theme } = html.dataset;
    const folds = [...document.querySelectorAll("details:not([open])")];
    for (const fold of folds) fold.open = true;
    for (const picture of document.querySelectorAll('img[loading="lazy"]')) picture.loading = "eager";
    html.dataset.theme = "light";
    undo = [() => { for (const fold of folds) fold.open = false; }, () => { html.dataset.theme = theme; }];
  });
  addEventListener("afterprint", () => { while (undo.length) undo.pop()(); });

  // One copy of each kind tells its font: asked themselves, formulas far away would be laid out for the answer.
  // The browser loads the fonts that it lacks.
  const fonts = () => {
    const spans = [...document.querySelectorAll(".katex-html span")];
    const kinds = new Map(spans.map((span) => [`${span.parentElement.className}>${span.className}`, span]));
    const place = Object.assign(document.createElement("div"), { className: "katex", hidden: true });
    const copy = (span) => (
      span.matches(".katex") ? place : copy(span.parentElement).appendChild(span.cloneNode()));
    const copies = [...kinds.values()].map(copy);
    document.body.append(place);
    const styles = copies.map((copy) => getComputedStyle(copy));
    const names = new Set(styles.map((s) => `${s.fontStyle} ${s.fontWeight} 1em ${s.fontFamily}`));
    place.remove();
    for (const name of names) document.fonts.load(name);
  };
  const idle = window.requestIdleCallback ?? setTimeout;
  addEventListener("load", () => idle(fonts, { timeout: 300 }));
}
