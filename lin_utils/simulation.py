"""The record of the simulation of chapter 4, which takes too long for a page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _validation
from ._validation import Array

__all__ = ["RecordedSimulation", "recorded_simulation"]


@dataclass(frozen=True, eq=False, repr=False)
class RecordedSimulation(_validation.Record):
    """Risks of stochastic gradient descent on random systems, as they were recorded.

    Every risk is f_T after some steps, relative to that of the zero model. It is infinite from
    where a run diverged. Quartiles are risks of runs: the lower one, the median, the upper one.

    Attributes
    ----------
    steps : ndarray of int, shape (k,)
        After how many steps the risk was recorded; each step sees one sequence more.
    methods : tuple of str
        The names of the methods.
    step_sizes : ndarray, shape (methods,)
        The step of each, which falls linearly to 0; as it was tuned on other systems.
    quartiles : ndarray, shape (methods, 3, k)
        Over all systems and seeds.
    final : ndarray, shape (methods, systems, seeds)
        The risk of every run at its end.
    first_run : ndarray, shape (methods, k)
        The risks of the run on the first system with the first seed, to 10 digits.
    sequences : ndarray of int, shape (s,)
        How many sequences the convex competitors saw.
    fits : tuple of str
        Their names: least squares on so many taps, and the realization by `ho_kalman`.
    fit_quartiles : ndarray, shape (fits, 3, s)
        Over the same systems and seeds, on the sequences that the runs saw first.
    fit_final : ndarray, shape (fits, systems, seeds)
        The risk of each with the most sequences.
    """

    steps: NDArray[np.int_]
    methods: tuple[str, ...]
    step_sizes: Array
    quartiles: Array
    final: Array
    first_run: Array
    sequences: NDArray[np.int_]
    fits: tuple[str, ...]
    fit_quartiles: Array
    fit_final: Array

    def __repr__(self) -> str:
        _, systems, seeds = self.final.shape
        return (
            f"RecordedSimulation(methods={len(self.methods)}, systems={systems}, seeds={seeds}, "
            f"steps={self.steps[-1]})"
        )


def recorded_simulation(outputs: str = "scaled") -> RecordedSimulation:
    """Return what the simulation of chapter 4 found: a record, nothing is computed.

    Ten systems, ``random_system(20, 0.95, np.random.default_rng(k))`` for k = 0, …, 9, and for
    each three seeds if the outputs are scaled, else one. Every one of the 2,000 steps takes the
    gradient of `SequenceRisk` on one fresh sequence of T = 500 standard normal inputs and their
    outputs, without noise. The models start at â = ĉ = 0 with 20 states or with 40. The
    projection is on the cone with the opening angle π/2, clipping is at the norm 1. The step of a
    method is the one of a grid with the smallest median of the final risks on five other systems,
    k = 100, …, 104; diverged runs count as infinite there.

    Parameters
    ----------
    outputs : str, optional
        ``'scaled'``: C is divided by a number, so that the zero model has the risk 1.
        ``'drawn'``: C is standard normal. The convex competitors are the same for both.

    Returns
    -------
    RecordedSimulation

    See Also
    --------
    SequenceRisk : What the runs descend on.
    FiniteRisk : What they are judged by.
    project_to_cone : The projection.
    estimate_impulse_response : The convex competitor.

    References
    ----------
    Hardt, Ma and Recht (2018), the simulation: the order, the radius, T and standard normal
    inputs and C are theirs, all other settings are the book's. ``tools/simulation.py`` wrote the
    record.

    Examples
    --------
    >>> import lin_utils as lu
    >>> record = lu.recorded_simulation()
    >>> record
    RecordedSimulation(methods=6, systems=10, seeds=3, steps=2000)
    >>> record.methods[4:]
    ('clipped', 'clipped, 40 states')
    """
    outputs = _validation.option("outputs", outputs, ("scaled", "drawn"))
    file = resources.files(__package__) / "data" / "simulation.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    runs, fits = record[outputs], record["least squares"]

    def stacked(key: str) -> Array:
        return _with_infinities([run[key] for run in runs.values()])

    return RecordedSimulation(
        steps=np.array(record["recorded steps"]),
        methods=tuple(runs),
        step_sizes=stacked("step size"),
        quartiles=stacked("quartiles"),
        final=stacked("final"),
        first_run=stacked("first run"),
        sequences=np.array(record["sequences"]),
        fits=tuple(fits),
        fit_quartiles=_with_infinities([fit["quartiles"] for fit in fits.values()]),
        fit_final=_with_infinities([fit["final"] for fit in fits.values()]),
    )


def _with_infinities(values: list[Any]) -> Array:
    """Return an array of nested lists, in which JSON's null stands for ∞."""
    array = np.array(values, dtype=float)
    return np.where(np.isnan(array), np.inf, array)
