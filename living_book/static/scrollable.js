// What is wider than its place scrolls. The keyboard scrolls it too, so it takes the focus and has a name;
// and it fades at the edge behind which there is more (book.css). A block is asked for its size when a
// reader comes near.
{
  const NAMES = [
    ["div.math", "Formula"],
    [".pst-scrollable-table-container", "Table"],
    [".output", "Output"],
    ["pre", "Code"],
  ];
  const selector = "pre, .cell_output > .output, .pst-scrollable-table-container, div.math";
  const blocks = [...document.querySelectorAll(selector)];

  const mark = ({ currentTarget: block }) => fade(block);
  const fade = (block) => {
    const rest = block.scrollWidth - block.clientWidth;
    block.classList.toggle("more-left", rest > 1 && block.scrollLeft > 1);
    block.classList.toggle("more-right", rest > 1 && block.scrollLeft < rest - 1);
  };
  const look = (block) => {
    const scrolls = block.scrollWidth > block.clientWidth || block.scrollHeight > block.clientHeight;
    const name = NAMES.find(([kind]) => block.closest(kind))[1];
    for (const [attribute, value] of [["tabindex", "0"], ["role", "group"], ["aria-label", `${name}, scrolls`]])
      if (scrolls) block.setAttribute(attribute, value);
      else block.removeAttribute(attribute);
    block.addEventListener("scroll", mark, { passive: true });
    fade(block);
  };

  const passing = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) look(target);
  }, { rootMargin: "500px" });
  const watch = (block) => { passing.unobserve(block); passing.observe(block); };
  const watchAll = () => blocks.forEach(watch);
  addEventListener("resize", watchAll);
  addEventListener("toggle", ({ target }) => blocks.filter((block) => target.contains(block)).forEach(watch), true); // what a fold hid has no size
  document.fonts.addEventListener("loadingdone", watchAll);
  watchAll();
}
