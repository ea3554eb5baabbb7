"""The record of what the book costs, its limits, and the table that the book shows of it.

``make costs`` measures and records; here is nothing but the reading of the record, so that a test
can do it, too.
"""

import json
import pathlib
from typing import NamedTuple

BOOK = pathlib.Path(__file__).parents[1]
FILE = BOOK / "chapters" / "costs.json"
PAGE = BOOK / "chapters" / "costs.md"
CPU = " of the processors"
BEGIN, END = "<!-- make costs writes from here -->\n\n", "\n<!-- to here -->"
#: Lighthouse's names of what a first view takes.
VIEWS = {
    "first-contentful-paint": ("First contentful paint, slowest chapter", "ms", 1800),
    "largest-contentful-paint": ("Largest contentful paint, slowest chapter", "ms", 2500),
    "total-blocking-time": ("Total blocking time, slowest chapter", "ms", 200),
    "cumulative-layout-shift": ("Layout shift, worst chapter", "", 0.1),
}
CHAPTERS = {
    "optimality-conditions": "Chapter 1",
    "deep-linear-networks": "Chapter 2",
    "residual-networks": "Chapter 3",
    "recurrent-networks": "Chapter 4",
    "one-mechanism": "The epilogue",
}


class Cost(NamedTuple):
    """A row: what it is called, its unit, the most (of a score: the least), and who enforces it.

    Without a number the limit is what the other takes.
    """

    label: str
    unit: str
    limit: float | None = None
    enforced: str = "costs"

    def say_limit(self):
        """Return the limit in words, and where it is enforced."""
        least = "at least" if self.unit == "score" else "at most"
        number = "that of thebe-lite" if self.limit is None else show(self.limit, self.unit)
        return f"{least} {number}: `make {self.enforced}`"

    def meets(self, values):
        """Say whether what the book takes, beside the other or not, is within the limit."""
        own, *other = (v[0] if isinstance(v, (list, tuple)) else v for v in values.values())
        limit = other[0] if self.limit is None else self.limit
        return own >= limit if self.unit == "score" else own <= limit


COSTS = {
    "tests": Cost("`make test`", "tests", 1800),
    "cold build": Cost("Cold build", "build", 400),
    "without execution": Cost("Of it, without running the notebooks", "build", 120),
    "no change": Cost("Build with no change", "build", 20),
    "one word": Cost("Build after one word in a chapter", "build", 45),
    "one docstring": Cost("Build after one docstring", "build", 45),
    **{
        f"weight of chapters/{name}.html": Cost(
            f"{label}, before the first click", "bytes", 1e6, "test"
        )
        for name, label in CHAPTERS.items()
    },
    "weight when read": Cost("The heaviest chapter, read to its end", "bytes", 2e6),
    "weight of index.html": Cost("Front page, before the first click", "bytes", 5e5, "test"),
    "whole site": Cost("Whole site on the disk", "bytes", 120e6, "test"),
    **{name: Cost(*cost) for name, cost in VIEWS.items()},
    "Python, first visit": Cost("From the first click on *Run* to a picture", "s"),
    "Python, second visit": Cost("The same at a second visit", "s"),
    "weight of Python": Cost("What is loaded until then, with the page", "bytes"),
    **{
        f"score: {name}": Cost(f"Lighthouse, {name.replace('-', ' ')}", "score", 95, "lighthouse")
        for name in ("performance", "accessibility", "best-practices", "seo")
    },
}

#: The limits that the book does not meet, and why; a test looks that it misses these and no others.
MISSED = dict.fromkeys(
    (
        "first-contentful-paint",
        "largest-contentful-paint",
        "total-blocking-time",
        "score: performance",
    ),
    "a slow phone takes long to load and parse the longest chapter, 220 kB of compressed HTML",
)


def read():
    """Return the record."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def rounded(value):
    """Return a record with four digits of each number, and whole numbers as they are."""
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(part) for part in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def missed(record):
    """Return what is over its limit in a record: its name, and how much it is in words."""
    return {
        name: f"{COSTS[name].label}: {show(values['book'], COSTS[name].unit)}"
        for name, values in record["costs"].items()
        if not COSTS[name].meets(values)
    }


def show(value, unit):
    """Return a value of the record in words."""
    first, *count = value if isinstance(value, (list, tuple)) else [value]
    if unit == "build":
        return " of the clock, ".join(show(seconds, "s") for seconds in [*count, first]) + CPU
    count = f", {count[0]:,} {'tests' if unit == 'tests' else 'files'}" if count else ""
    if unit == "bytes":
        large = f"{round(first / 1e6, 1):g} MB"
        return (large if first >= 1e6 else f"{first / 1e3:.0f} kB") + count
    if unit in ("s", "tests"):
        return (f"{first:.0f} s" if first >= 10 else f"{first:.1f} s") + count
    if unit == "ms" and first >= 1000:
        return f"{first / 1e3:.1f} s"
    if unit == "ms" and 0 < first < 1:
        return f"{first * 1e3:.0f} µs"
    return f"{first:.0f} ms" if unit == "ms" else f"{round(first, 3):g}"


def table(record):
    """Return the table of a record, and what it depends on, in Markdown."""
    lines = ["| What | This book | Beside it | Limit |", "| --- | --- | --- | --- |"]
    for name, cost in COSTS.items():
        if name in record["costs"]:
            values, why = record["costs"][name], f"; missed: {MISSED.get(name)}"
            other = "thebe-lite: " if "Python" in name else "plain book: "
            beside = other + show(values["plain"], cost.unit) if "plain" in values else "–"
            lines.append(
                f"| {cost.label} | {show(values['book'], cost.unit)} | {beside} "
                f"| {cost.say_limit()}{'' if cost.meets(values) else why} |"
            )
    lines += [f"| {' | '.join(row)} |" for row in ratio_rows(record["ratios"])]
    before, after = record["load"]
    lines += [
        "",
        f"Measured on {record['date']} at commit {record['commit']}, on {record['machine']}; "
        f"{record['software']}.",
        f"The load was {before:.1f} at the start and {after:.1f} at the end; "
        f"rounds: {record['rounds']}, of which the best counts.",
    ]
    return "\n".join(lines) + "\n"


def two_digits(number):
    """Return a positive number with two digits at least, without an exponent."""
    return f"{number:.0f}" if number >= 10 else f"{float(f'{number:.2g}'):g}"


def ratio_rows(rows):
    """Return the cells of a row for each job and each library that does it, too.

    The least and the largest of the other's times over ours, each with its size.
    """
    jobs = {}
    for row in rows:
        jobs.setdefault((row["subject"], row["other"]), []).append(row)
    for (subject, other), block in jobs.items():
        block.sort(key=lambda row: row["ratio"])
        ours = [1e3 * row["ours"] for row in block]
        ends = [f"{two_digits(row['ratio'])} ({row['size']})" for row in (block[0], block[-1])]
        judged = [row for row in block if row["target"] is not None]
        met = sum(row["ratio"] >= row["target"] for row in judged)
        least = " or ".join(sorted({two_digits(row["target"]) for row in judged}))
        limit = f"at least {least}: {met} of {len(judged)}, `make bench`" if judged else "–"
        taken = f"{show(min(ours), 'ms')} to {show(max(ours), 'ms')}"
        name = "its limit of time" if other == "limit" else other
        yield subject, taken, f"{name}: {' to '.join(ends)} times", limit


def write_table(record):
    """Write the table of a record into the page."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    tail = rest.partition(END)[2]
    PAGE.write_text(head + BEGIN + table(record) + END + tail, encoding="utf-8")
