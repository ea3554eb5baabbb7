"""What a comparison is, how it is timed, and how its ratios are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from time import perf_counter
from timeit import Timer

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from lin_utils import figures

Call = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """One job, done by lin_utils and by others.

    Attributes
    ----------
    subject, series, x
        The title of the table, the line in the plot (``'L = 2'``) and the place on it.
    unit : str
        What x is: ``'d'`` or ``'n'``.
    ours : callable
    others : dict of str to sequence of callable
        Who does the same, each in the ways that may be its fastest: the best one counts.
    targets : dict of str to float
        The least ratio wanted, their time over ours.
    unchecked : tuple of str
        The others that compute only a part of the result.
    limit : float, optional
        In seconds: how long it may take, whatever others need.
    note : str
        What the table says below the subject.
    """

    subject: str
    series: str
    x: int
    unit: str
    ours: Call
    others: dict[str, Sequence[Call]]
    targets: dict[str, float] = field(default_factory=dict)
    unchecked: tuple[str, ...] = ()
    limit: float | None = None
    note: str = ""

    @property
    def size(self) -> str:
        return f"{self.series}, {self.unit} = {self.x}".removeprefix(", ")


@dataclass(frozen=True)
class Row:
    """The times, in seconds, of lin_utils and of one other on one case."""

    case: Case
    other: str
    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        """How many times as long the other takes."""
        return self.theirs / self.ours

    @property
    def target(self) -> float | None:
        return 1.0 if self.other == "limit" else self.case.targets.get(self.other)

    @property
    def met(self) -> bool | None:
        """Whether the ratio reaches its target; None if it has none."""
        return None if self.target is None else self.ratio >= self.target

    def facts(self) -> dict[str, str | float | None]:
        """Return what of a row can be recorded."""
        case = {"subject": self.case.subject, "size": self.case.size, "other": self.other}
        return case | {"ours": self.ours, "ratio": self.ratio, "target": self.target}


def flat(result: object) -> np.ndarray:
    """Return all numbers of nested sequences of arrays and tensors, one after the other."""
    if isinstance(result, (tuple, list)):
        return np.concatenate([flat(part) for part in result])
    if hasattr(result, "detach"):
        result = result.detach()
    return np.asarray(result).ravel()


def fastest(calls: Sequence[Call], seconds: float) -> list[float]:
    """Return the least time per call of each, in rounds of all: other load strikes all alike.

    A round calls each so often that it takes 2 ms at least; there are 5 rounds at least.
    """
    timers, numbers = [Timer(call) for call in calls], []
    for timer in timers:
        timer.timeit(2)
        numbers.append(max(1, int(2e-3 / timer.timeit(1))))
    best, rounds, end = np.full(len(calls), np.inf), 0, perf_counter() + seconds
    while rounds < 5 or perf_counter() < end:
        times = [t.timeit(number) / number for t, number in zip(timers, numbers, strict=True)]
        best, rounds = np.minimum(best, times), rounds + 1
    return best.tolist()


def measure(case: Case, seconds: float) -> list[Row]:
    """Check that all get the same result, then time them."""
    expected = flat(case.ours())
    for name, ways in case.others.items():
        for way in ways if name not in case.unchecked else ():
            np.testing.assert_allclose(
                flat(way()), expected, rtol=1e-7, atol=1e-9, err_msg=f"{name}: {case.size}"
            )
    names = [name for name, ways in case.others.items() for _ in ways]
    ways = [way for ways in case.others.values() for way in ways]
    ours, *times = fastest([case.ours, *ways], seconds)
    limit = [] if case.limit is None else [Row(case, "limit", ours, case.limit)]
    return limit + [
        Row(
            case, other, ours, min(t for t, name in zip(times, names, strict=True) if name == other)
        )
        for other in case.others
    ]


def _cell(row: Row) -> str:
    verdict = {None: "", True: " ok", False: f" < {row.target:.3g}" if row.target else ""}
    return f"{row.ratio:.2f}{verdict[row.met]}"


def table(rows: Sequence[Row]) -> str:
    """Return one block per subject: our time, and each other's time over ours.

    ``ok`` stands where a target is met, ``< target`` where it is missed.
    """
    lines = []
    for subject, group in groupby(rows, key=lambda row: row.case.subject):
        block = list(group)
        others = list(dict.fromkeys(row.other for row in block))
        lines += [subject, f"{'':16}{'lin_utils':>12}" + "".join(f"{o + ' ×':>18}" for o in others)]
        for size, cells in groupby(block, key=lambda row: row.case.size):
            cells = {row.other: row for row in cells}
            ours = next(iter(cells.values())).ours
            shown = [_cell(cells[other]) if other in cells else "" for other in others]
            lines.append(f"{size:16}{ours * 1e6:9.1f} µs" + "".join(f"{s:>18}" for s in shown))
        lines += [note for note in dict.fromkeys(row.case.note for row in block) if note]
        lines.append("")
    judged = [row for row in rows if row.target is not None]
    missed = [row for row in judged if not row.met]
    lines.append(f"{len(judged) - len(missed)} of {len(judged)} targets met.")
    lines += [
        f"MISSED: {row.case.subject}, {row.case.size}: {row.ratio:.2f} times {row.other}, "
        f"target {row.target:.3g}"
        for row in missed
    ]
    return "\n".join(lines)


def plot(rows: Sequence[Row]) -> Figure:
    """Draw the ratios of each subject against size; short bars are targets."""
    subjects = list(dict.fromkeys(row.case.subject for row in rows))
    with plt.rc_context(
        {**figures.STYLE, "figure.facecolor": "white", "figure.figsize": (8, 3.2 * len(subjects))}
    ):
        figure, axes = plt.subplots(len(subjects), 1, squeeze=False)
        for subject, ax in zip(subjects, axes[:, 0], strict=True):
            block = [row for row in rows if row.case.subject == subject]
            others = list(dict.fromkeys(row.other for row in block))
            series = list(dict.fromkeys(row.case.series for row in block))
            for other, color in zip(others, figures.COLORS, strict=False):
                for name, style in zip(series, ("-", "--", "-.", ":"), strict=False):
                    line = [r for r in block if (r.other, r.case.series) == (other, name)]
                    label = f"{other}, {name}".removesuffix(", ")
                    ax.loglog(
                        [r.case.x for r in line],
                        [r.ratio for r in line],
                        style,
                        marker="o",
                        color=color,
                        label=label,
                    )
                aims = [(r.case.x, r.target) for r in block if r.other == other and r.target]
                ax.plot(
                    *zip(*aims, strict=True) if aims else ([], []), "_", markersize=14, color=color
                )
            ax.axhline(1, color=figures.INK, linewidth=0.8)
            sizes = sorted({row.case.x for row in block})
            ax.set_xticks(sizes, [str(size) for size in sizes])
            ax.set_xticks([], minor=True)
            ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.yaxis.set_major_formatter("{x:g}")
            ax.yaxis.set_minor_formatter("")
            ax.set(title=subject, xlabel=block[0].case.unit, ylabel="their time / ours")
            ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)
    return figure
