// Which rules of the style sheets a site uses; relative to the site, since in a folder named
// 'main (1)' the folder's own name would be a pattern.
module.exports = {
  content: ["**/*.html", "_static/*.js", "_static/scripts/*.js"],
  dynamicAttributes: ["data-theme", "data-mode"], // set by the theme's script
  fontFace: false, // it does not read the shorthand `font`, by which KaTeX names its main font
  keyframes: true,
  variables: true,
};
