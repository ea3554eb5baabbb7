"""What a page folds, so that it reads as mathematics: code that certifies or draws, and proofs.

Code that certifies stands behind what it found, as a line of words: which statement held, in how
many cases, and by what margin. Code that draws stands below its figure. Cells that teach stay
open, unless they are long. The tag ``show-input`` keeps a cell open. A proof is open, ends with a
mark, and can be folded.
"""

from __future__ import annotations

import re
from collections import defaultdict

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx_proof.nodes import proof_node

from .cells import answer_lines, is_cell, source_of
from .claims import STATED, certified
from .explorers import explorer

LONGEST = 25  # lines of an open cell
OPEN = "show-input"  # the tag of a cell that stays open
PROMPT = "Show code cell {type}"  # what MyST-NB says of a cell that its author folds
RESULT = re.compile(
    r"(held|equal) in (.+?) cases?(?:; (?:smallest )?margin (.+)|, to within (.+))$"
)
SWITCH = (
    '<p class="code-switch"><button type="button" aria-pressed="false">Show all code</button></p>'
)
QED = '<span class="qed" role="img" aria-label="End of the proof">□</span>'


def fold_page(app, doctree, page: str) -> None:
    """Fold the proofs and the cells of a page, and offer to show all code."""
    if app.builder.format != "html" or not app.config.living_book_folds:
        return
    for proof in list(doctree.findall(proof_node)):
        fold_proof(proof[0])
    numbers = app.env.toc_fignumbers.get(page, {})
    called = {
        node["label"]: name_of(node, numbers)
        for node in doctree.findall(lambda node: isinstance(node, STATED))
    }
    figure = app.config.numfig_format["figure"]
    cells = [cell for cell in doctree.findall(is_cell) if source_of(cell)]
    folds = [fold_cell(cell, called, numbers.get("figure", {}), figure) for cell in cells]
    title = next(doctree.findall(nodes.title), None)
    if any(folds) and title:
        place = title.parent
        place.insert(place.index(title) + 1, nodes.raw("", SWITCH, format="html"))


def name_of(statement, numbers) -> str:
    """Return what a page calls a statement: 'Theorem 1.2'."""
    number = numbers.get(statement.get("countertype"), {}).get(statement["ids"][0], ())
    return " ".join([statement["realtype"].title(), ".".join(map(str, number))]).strip()


def fold_proof(proof) -> None:
    """Make a proof one that folds, open at first, with a mark at its end."""
    first, last = proof[0], proof[-1]
    if isinstance(first, nodes.paragraph) and isinstance(first[0], nodes.Text):
        first[0] = nodes.Text(first[0].removeprefix("Proof.").lstrip())
    mark = nodes.raw("", QED, format="html")
    if isinstance(last, nodes.paragraph):
        last += [nodes.Text(" "), mark]
    else:
        proof += nodes.paragraph("", "", mark, classes=["qed-line"])
    opening = nodes.raw("", "<details open><summary>Proof</summary>", format="html")
    proof.children = [opening, *proof.children, nodes.raw("", "</details>", format="html")]


def fold_cell(cell, called: dict[str, str], numbers: dict, figure: str) -> HideCodeCellNode | None:
    """Fold the code of a cell, if it is to be folded; return the fold."""
    source = source_of(cell)
    code = next(source.findall(nodes.literal_block)).astext()
    made = source.parent if isinstance(source.parent, HideCodeCellNode) else None
    if OPEN in cell.get("cell_metadata", {}).get("tags", ()) or answer_lines(code) and not made:
        return None
    if made and made["prompt_show"] != PROMPT.replace("{type}", "source"):
        return made  # its author has words for it
    lines = code.count("\n") + 1
    drawn = next((n for n in cell.findall(nodes.figure) if n["ids"]), None)
    if certified(code):
        words, kind = badge(cell, called), "certificate"
    elif drawn is not None and drawn["ids"][0] in numbers:
        number = ".".join(map(str, numbers[drawn["ids"][0]]))
        words, kind = f"Code of {figure % number}", "drawing"
    elif made and next(cell.findall(explorer), None):
        words, kind = "Code of this picture", "drawing"
    elif made:
        words, kind = "Code", "long"
    elif lines > LONGEST:
        words, kind = f"Code, {lines} lines", "long"
    else:
        return None
    if made is None:
        made = HideCodeCellNode("", classes=["above-input"])
        cell.replace(source, made)
        made.append(source)
    made["prompt_show"] = made["prompt_hide"] = words
    made["classes"].append(kind)
    if kind == "drawing":  # first what is to be seen
        cell.remove(made)
        cell.append(made)
    return made


def badge(cell, called: dict[str, str]) -> str:
    """Return what a cell's certificates found, in words; take it out of what the cell prints."""
    found = defaultdict(list)
    for block in list(cell.findall(is_printed)):
        lines = block.astext().split("\n")
        results = [line.partition(": ") for line in lines if line.partition(": ")[0] in called]
        for label, _, result in results:
            found[label].append(result)
        rest = [line for line in lines if line.partition(": ")[0] not in called]
        if results and "".join(rest).strip():
            text = "\n".join(rest)
            block.replace_self(type(block)(text, text, **block.attributes))
        elif results:
            block.parent.remove(block)
    for output in list(cell.findall(is_output)):
        if not output.children:
            output.parent.remove(output)
    said = [f"{called[label]} {summary(results)}" for label, results in found.items()]
    return "✓ " + ". ".join(said) if said else "Code of a certificate"


def is_output(node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code_output"


def is_printed(node) -> bool:
    return isinstance(node, nodes.literal_block) and {"output", "stream"} <= {*node["classes"]}


def summary(results: list[str]) -> str:
    """Return what several certificates of one statement found, as one.

    >>> summary([f"held in all {n} cases; smallest margin {m}" for n, m in ((50, 0.2), (9, 0.1))])
    'held in 59 cases, smallest margin 0.1'
    >>> summary(["equal in all 5 cases, to within 1e-09", "was seen by others"])
    'held as an identity in 5 cases, to within 1e-9; was seen by others'
    >>> summary(["held in the one case; margin 0.3"])
    'held in one case, margin 0.3'
    """
    found = [RESULT.match(result) for result in results]
    parts = []
    for kind, words in (("held", "held"), ("equal", "held as an identity")):
        same = [match for match in found if match and match[1] == kind]
        if same:
            count = sum(cases(match[2]) for match in same)
            margin, error = min((m[3] for m in same), key=size), max((m[4] for m in same), key=size)
            one = count == 1
            bound = (
                f"{'' if one else 'smallest '}margin {margin}" if margin else f"to within {error}"
            )
            number = "one case" if one else f"{count:,} cases"
            parts.append(f"{words} in {number}, {re.sub('e-0', 'e-', bound)}")
    others = [result for result, match in zip(results, found, strict=True) if not match]
    return "; ".join(parts + list(dict.fromkeys(others)))


def cases(words: str) -> int:
    """Return the number in 'all 1,200'; 'the one' is 1."""
    digits = re.sub(r"\D", "", words)
    return int(digits) if digits else 1


def size(words: str | None) -> float:
    """Return the number in words, a bit less if they say 'below' it."""
    number = re.search(r"[\d.]+(?:e[-+]?\d+)?", words or "")
    return float(number[0]) * (0.999 if "below" in words else 1) if number else 0.0
