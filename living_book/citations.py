"""Labels of a bibliography's entries as the text cites them: 'Karimi et al., 2016'."""

from __future__ import annotations

from pybtex.plugin import register_plugin
from pybtex.style.formatting.alpha import Style as Alpha
from pybtex.style.labels import BaseLabelStyle

NAME = "author_year"


class Labels(BaseLabelStyle):
    """The names and the year of each entry."""

    def format_labels(self, entries):
        for entry in entries:
            yield f"{names(entry.persons.get('author', ()))}, {entry.fields.get('year', '')}"


def names(persons) -> str:
    """Return the family names of one or two authors, or the first of more.

    >>> from pybtex.database import Person
    >>> names([Person("Polyak, B. T.")]), names([Person("Du, S."), Person("Hu, W.")])
    ('Polyak', 'Du and Hu')
    >>> names([Person("Lu, H."), Person("Du, S."), Person("Hu, W.")])
    'Lu et al.'
    """
    family = [" ".join(map(str, person.rich_last_names)) for person in persons]
    return " and ".join(family) if len(family) < 3 else f"{family[0]} et al."


class Style(Alpha):
    default_label_style = NAME


register_plugin("pybtex.style.labels", NAME, Labels)
register_plugin("pybtex.style.formatting", NAME, Style)
