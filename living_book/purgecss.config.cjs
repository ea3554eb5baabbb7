// Which rules of the style sheets a site uses; relative to the site, since in a folder named
// 'main (1)' the folder's own name would be a pattern.
module.exports = {
  content: ["**/!(*.slides).html", "_static/*.js", "_static/scripts/*.js"],
  // The editor of a cell, which is loaded later: its parts, and its colors by Pygments' names.
  safelist: { standard: ["c1", "k", "kc", "kn", "mi", "n", "nf", "o", "ow", "p", "s2"], greedy: [/^cm-/, /^live-/] },
  dynamicAttributes: ["data-theme", "data-mode"], // set by the theme's script
  fontFace: false, // it does not read the shorthand `font`, by which KaTeX names its main font
  keyframes: true,
  variables: true,
};
