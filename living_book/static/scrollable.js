// The keyboard scrolls what is wider than its place: such a block takes the focus. The theme asks every
// block for its size as soon as the page is there, which lays out the whole page before it answers;
// here a block is asked when a reader comes near.
const blocks = [...document.querySelectorAll("pre, .cell_output > .output, .pst-scrollable-table-container, div.math")];
const passing = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    if (target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
}, { rootMargin: "500px" });
const watch = () => blocks.forEach((block) => { passing.unobserve(block); passing.observe(block); });
addEventListener("resize", watch);
watch();
