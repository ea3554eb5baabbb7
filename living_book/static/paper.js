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

  // One element of each kind tells its font; the browser loads those that it lacks.
  const fonts = () => {
    const kinds = new Map([...document.querySelectorAll(".katex-html span")].map((span) => [span.className, span]));
    const styles = [...kinds.values()].map((span) => getComputedStyle(span));
    for (const font of new Set(styles.map((s) => `${s.fontStyle} ${s.fontWeight} 1em ${s.fontFamily}`)))
      document.fonts.load(font);
  };
  const idle = window.requestIdleCallback ?? setTimeout;
  addEventListener("load", () => idle(fonts, { timeout: 300 }));
}
