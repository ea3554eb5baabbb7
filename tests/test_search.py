"""Search finds statements, figures, sections and functions at their places, by all their names."""

import inspect
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

import lin_utils
from living_book import search, statements

BOOK = Path(__file__).parents[1]
PAGE = "chapters/residual-networks.html"
LABELS = {k: v for k, v in statements.numbers(BOOK).items() if k and isinstance(k, str)}
NAMES = [n for n in lin_utils.__all__ if not inspect.ismodule(getattr(lin_utils, n))]
ASK = """words => searchBook(words).map(({title, url, where, text}) =>
    ({title: title.map(t => t[0]).join(""), url, where, text: text()}))"""


@pytest.fixture(scope="module")
def ask(address, browser):
    """Return what the index of the book answers."""
    page = browser.new_page()
    page.goto(address + "search.html")
    page.add_script_tag(url=f"{address}_static/{search.INDEX}")
    yield lambda words: page.evaluate(ASK, words)
    page.close()


def anchor(label):
    """Return the anchor of a label as Sphinx writes it."""
    return f"equation-{label}" if LABELS[label].startswith("(") else label


def first(found):
    return found[0]["url"].partition("#")[2] if found else "nothing"


@pytest.mark.parametrize("say", [str, str.lower, lambda name: name.replace("Fig.", "figure")])
def test_a_number_finds_what_has_it(ask, say):
    names = {label: f"Equation {n}" if n[0] == "(" else n for label, n in LABELS.items()}
    wrong = {name: first(ask(say(name))) for name in names.values()}
    assert wrong == {names[label]: anchor(label) for label in names}


def test_a_label_finds_what_has_it(ask):
    assert {label: first(ask(label)) for label in LABELS} == {n: anchor(n) for n in LABELS}


@pytest.mark.parametrize("prefix", ["", "lu.", "lin_utils."])
def test_a_name_of_the_package_finds_its_entry(ask, prefix):
    found = {name: first(ask(prefix + name)) for name in NAMES}
    assert found == {name: f"lin_utils.{name}" for name in NAMES}


@pytest.mark.parametrize(
    "words, place",
    [
        ("Kawaguchi", "thm-kawaguchi"),
        ("kawaguchis theorem", "kawaguchi-s-theorem"),
        ("Hardt and Ma", "thm-hardt-ma"),
        ("PL condition", "def-conditions"),
        ("PL inequality", "def-conditions"),
        ("polyak-lojasiewicz", "def-conditions"),
        ("Polyak–Łojasiewicz", "def-conditions"),
        ("polyaks rate", "thm-polyak-rate"),
        ("quadratic growth", "cor-quadratic-growth"),
        ("parsev", "prop-parseval"),
        ("escape times", "prop-escape-time"),
        ("skip connection", "the-identity-connection-in-two-pictures"),
        ("residual networks", PAGE),
        ("vanishing gradient", PAGE),
        ("state space", "chapters/recurrent-networks.html"),
        ("linear dynamical systems", "chapters/recurrent-networks.html"),
    ],
)
def test_words_find_their_place(ask, words, place):
    found = ask(words)
    assert found and place in (first(found), found[0]["url"])


def test_every_other_name_of_the_notation_finds_more_than_its_table(ask, site):
    body = search.body_of(site / "chapters" / "notation.html")
    section = "other-names-for-the-same"
    rows = search.synonyms_of(body, section, "chapters/notation.html")
    names = [name for also, _ in rows[0] for name in also] + sum(rows[1].values(), [])
    assert "learning rate" in names and len(names) > 20
    assert [n for n in names if section in ask(n)[0]["url"] or len(ask(n)) < 2] == []


def test_excerpts_have_each_formula_once_and_mark_the_words(ask):
    (text, where) = next((f["text"], f["where"]) for f in ask("theorem 3.1 critical"))
    said = "".join(piece for piece, _ in text)
    assert "U = {A: maxₖ∥Aₖ∥ < 1} is a global minimum." in said
    assert {piece for piece, looked in text if looked} == {"critical"}
    assert where.startswith("3. Residual networks › 3.3. ")
    every = [piece for found in ask("theorem") for piece, _ in found["text"]]
    assert len(every) > 50 and not [piece for piece in every if "\\" in piece]


@pytest.mark.parametrize(
    "mathml, text",
    [
        ("<mi>f</mi><mo>:</mo><mi>S</mi><mo>→</mo><mi>S</mi>", "f:S → S"),
        ("<msup><mi>x</mi><mn>2</mn></msup><msub><mi>A</mi><mi>L</mi></msub>", "x²A_L"),
        ("<mfrac><mn>1</mn><mrow><mn>2</mn><mi>L</mi></mrow></mfrac>", "1/(2L)"),
        ("<msqrt><mi>t</mi></msqrt><mover><mi>a</mi><mo>^</mo></mover>", "√ta\u0302"),
        ("<mi>log</mi><mo>\u2061</mo><mi>x</mi>", "log x"),
        ("<msubsup><mi>I</mi><mn>0</mn><mi>n</mi></msubsup>", "I₀ⁿ"),
    ],
)
def test_a_formula_is_a_line_of_text(mathml, text):
    tex = "<annotation>\\TeX</annotation>"
    tree = LexborHTMLParser(f"<math><semantics><mrow>{mathml}</mrow>{tex}</semantics></math>")
    assert search.formula(tree.css_first("math")) == text


def test_nothing_is_loaded_before_a_search_and_then_one_script_of_the_site(address, browser):
    page = browser.new_page()
    loaded = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(address + PAGE)
    page.keyboard.press("Control+k")
    page.locator("dialog input[name=q]").wait_for()
    page.wait_for_load_state("networkidle")
    assert not [url for url in loaded if "index.js" in url or "searchtools" in url]
    before = len(loaded)
    page.keyboard.type("theorem")
    page.locator("dialog .found-list a").first.wait_for()
    asked = [url for url in loaded[before:] if "/fonts/" not in url]  # which come while one reads
    assert asked == [f"{address}_static/{search.INDEX}"]
    page.close()


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_the_dialog_works_by_keyboard_and_fits(address, browser, width):
    page = browser.new_page(viewport={"width": width, "height": 700})
    page.goto(address + PAGE)
    page.keyboard.press("Control+k")
    page.keyboard.type("theorem 3.4")
    page.locator("dialog .found-list a").first.wait_for()
    found = page.locator("dialog .found-list li").count()
    assert page.locator("dialog [role=status]").inner_text() == f"{found} results"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    icon, field = (page.locator(f"dialog {s}").bounding_box() for s in (".bd-search i", "input"))
    assert icon["x"] + icon["width"] <= field["x"]
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    page.locator("dialog input").wait_for(state="hidden")
    page.keyboard.press("Control+k")
    for key in ("ArrowDown", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{PAGE}#thm-residual-convergence")
    page.locator("dialog input").wait_for(state="hidden")
    page.locator("#thm-residual-convergence").wait_for()
    assert 0 <= page.locator("#thm-residual-convergence").bounding_box()["y"] < 700
    page.close()


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_from_a_disk_the_search_page_finds_and_leads_to_the_place(site, browser, width):
    page = browser.new_page(viewport={"width": width, "height": 700})
    said = []
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((site / PAGE).as_uri())
    page.keyboard.press("Control+k")
    page.keyboard.type("Kawaguchi")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=Kawaguchi")
    main = page.locator(".bd-search-container")
    main.locator(".found-list a").first.wait_for()
    icon, field = (main.locator(s).bounding_box() for s in (".bd-search i", "input"))
    assert icon["x"] + icon["width"] <= field["x"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    main.locator("input").fill("zyxwv")
    page.get_by_text("No results").wait_for()
    main.locator("input").fill("fig 2.3")
    main.get_by_role("link", name="Fig. 2.3").click()
    page.wait_for_url("**/chapters/deep-linear-networks.html#fig-*")
    page.close()
    assert said == []


def test_without_scripts_the_search_page_says_so(site):
    page = LexborHTMLParser((site / "search.html").read_text("utf-8"))
    assert "JavaScript" in page.css_first("noscript .admonition").text()


@pytest.mark.parametrize("theme", ["alabaster", "sphinx_book_theme"])
def test_a_small_book_has_its_search_and_keeps_pages_that_are_not_written_again(
    theme, small_book, browser
):
    table = "| Elsewhere | Here |\n| --- | --- |\n| wug, blicket | gadget |\n"
    terms = "```{glossary}\nThing\n    What there is.\n```\n"
    pages = {
        "index.md": f"# Start\n\n```{{toctree}}\none\ntwo\n```\n\n## Names\n\n{table}\n{terms}",
        "one.md": "# One\n\nAll about a gadget $f$ to $S$.\n",
        "two.md": "# Two\n\n(here)=\n## Inner\n\nSomething else.\n",
    }
    settings = {"html_theme": theme, "living_book_synonyms": "index#names"}
    settings["myst_enable_extensions"] = ["dollarmath"]
    assert small_book.build(pages, **settings).returncode == 0
    again = small_book.build({"two.md": pages["two.md"] + "\nA gizmo.\n"}, **settings)
    assert again.returncode == 0, again.stderr
    page = browser.new_page()
    for words, url, text in [
        ("blickets", "one.html", "All about a gadget f to S."),
        ("gizmos", "two.html#inner", "Something else. A gizmo."),
        ("thing", "index.html#term-Thing", "Thing What there is."),
    ]:
        page.goto((small_book.site / "search.html").as_uri() + f"?q={words}")
        item = page.locator("#search-results li").first
        item.wait_for()
        assert item.locator("a").get_attribute("href").endswith(f"/{url}")
        assert item.locator("p").inner_text() == text
    page.close()
    assert not (small_book.site / "searchindex.js").exists()


def test_a_table_that_is_not_there_is_named(small_book):
    answer = small_book.build({"index.md": "# One\n"}, living_book_synonyms="index#none")
    assert answer.returncode != 0 and "no table in index#none" in answer.stderr


def test_sphinx_searches_where_the_mend_is_off(small_book, browser):
    """Check that `living_book_mends_off` brings its search back, whole and alone."""
    settings = {"html_theme": "alabaster", "living_book_mends_off": ["no-search-of-sphinx"]}
    assert small_book.build({"index.md": "# One\n\nA gadget.\n"}, **settings).returncode == 0
    page = browser.new_page()
    page.goto((small_book.site / "search.html").as_uri() + "?q=gadget")
    page.locator("#search-results li a", has_text="One").wait_for()
    assert page.locator("script[src*='search.js'], .found").count() == 0
    page.close()
