"""Short questions that answer in the page, as folds of sphinx-design: no script, any browser.

A choice is ``{right}`` or ``{wrong}``: its title is the choice, with a letter to vote for, and what
opens says the verdict and why. ``{number} 0.5`` takes a number in a field, which the browser
compares, and folds the number with its reasons.
"""

from __future__ import annotations

from fractions import Fraction
from string import ascii_uppercase

from docutils import nodes
from sphinx_design.dropdown import DropdownDirective

FIELD = (
    '<p class="number-field"><label>Your number: <input type="text" size="8" '
    'autocomplete="off" placeholder=" " pattern="{pattern}"></label> <span role="status">'
    '<span class="yes">Right.</span><span class="no">Not this number.</span></span></p>'
)


def spellings(number: str) -> str:
    """Return the pattern of what a reader may write for a number.

    >>> import re
    >>> [bool(re.fullmatch(spellings("-0.5"), s)) for s in ("-.5", "−0,50", "-1/2", "0.5")]
    [True, True, True, False]
    """
    value, digits = Fraction(number), number.lstrip("-")
    sign = r"[\-−]" if value < 0 else r"\+?"
    whole, _, decimals = digits.partition(".")
    zero = whole.lstrip("0")
    decimal = rf"0*{zero}[.,]{decimals}0*" if decimals else rf"0*{zero or '0'}([.,]0*)?"
    fraction = rf"{abs(value.numerator)}\s*/\s*{value.denominator}"
    return rf"\s*{sign}\s*({decimal}|{fraction})\s*"


class Choice(DropdownDirective):
    """A choice of a question, or the folded number: `right`, `wrong` or `number`."""

    required_arguments = 1
    optional_arguments = 0

    def run_with_defaults(self) -> list[nodes.Node]:
        asked = []
        if self.name == "number":
            markup = FIELD.format(pattern=spellings(self.arguments[0]))
            asked = [nodes.raw("", markup, format="html")]
            verdict, self.arguments[0] = f"{self.arguments[0]}.", "The number, and why"
        else:
            verdict = f"{self.name.capitalize()}."
        self.options["class-container"] = ["choice", self.name]
        self.options["margin"] = []
        (fold,) = super().run_with_defaults()
        said = next(child for child in fold.children if isinstance(child, nodes.paragraph))
        said.insert(0, [nodes.strong("", verdict), nodes.Text(" ")])
        return [*asked, fold]


def letter_choices(app, doctree) -> None:
    """Give the choices of each question letters to vote for, which also name a bare formula."""
    for question in doctree.findall(nodes.list_item):
        choices = [
            node
            for node in question.children
            if {"right", "wrong"} & set(node.get("container_classes", []))
        ]
        for letter, choice in zip(ascii_uppercase, choices, strict=False):
            choice[0].insert(0, nodes.Text(f"{letter}. "))
