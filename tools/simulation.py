"""The simulation of chapter 4, after Hardt, Ma and Recht: ``python tools/simulation.py``.

It tunes the steps of stochastic gradient descent on systems of their own, runs every method on
the others, fits the convex competitors to the same sequences, and writes what it found to
``lin_utils/data/simulation.json``. Every number is drawn from the seeds below.
"""

import functools
import json
import pathlib
import time
from typing import NamedTuple

import numpy as np

import lin_utils as lu

ORDER, RADIUS, LENGTH, STEPS = 20, 0.95, 500, 2000
SYSTEMS, TUNING_SYSTEMS = range(10), range(100, 105)
#: With outputs as they are drawn a projection takes longer, from farther away.
SEEDS = {"scaled": range(3), "drawn": range(1)}
ANGLE, CLIP = np.pi / 2, 1.0
#: After how many steps the risk is recorded.
RECORDED = np.unique(np.geomspace(1, STEPS, 46).astype(int))
#: From how many sequences the impulse response is estimated, and how much of it.
SEQUENCES, TAPS = (1, 2, 5, 10, 20), (40, 100)
FILE = pathlib.Path(__file__).parents[1] / "lin_utils" / "data" / "simulation.json"


class Method(NamedTuple):
    extra_states: int = 0
    projected: bool = False
    clipped: bool = False


METHODS = {
    "plain": Method(),
    "plain, 40 states": Method(20),
    "projected": Method(projected=True),
    "projected, 40 states": Method(20, projected=True),
    "clipped": Method(clipped=True),
    "clipped, 40 states": Method(20, clipped=True),
}
#: The steps tried for each method: with outputs scaled, and with outputs as they are drawn.
GRIDS = {
    "scaled": {
        "plain": (1e-3, 3e-3, 1e-2),
        "plain, 40 states": (3e-3, 1e-2, 3e-2, 1e-1),
        "projected": (1e-2, 3e-2, 1e-1),
        "projected, 40 states": (1e-2, 3e-2, 1e-1),
        "clipped": (1e-2, 3e-2, 1e-1),
        "clipped, 40 states": (3e-2, 1e-1, 3e-1),
    },
    "drawn": {
        "plain": (3e-6, 1e-5, 3e-5),
        "plain, 40 states": (3e-6, 1e-5, 3e-5),
        "projected": (3e-4, 1e-3, 3e-3),
        "projected, 40 states": (3e-4, 1e-3, 3e-3),
        "clipped": (1e-1, 3e-1, 1.0),
        "clipped, 40 states": (1e-1, 3e-1, 1.0),
    },
}


@functools.cache
def draw_system(number, outputs):
    """Return a random system; with scaled outputs, so that the risk of the zero model is 1."""
    system = lu.random_system(ORDER, RADIUS, np.random.default_rng(number))
    if outputs == "drawn":
        return system
    a, c = system.coefficients()
    zero = lu.FiniteRisk(system, LENGTH).value(np.zeros(2 * ORDER))
    return lu.LinearRNN.from_coefficients(a, c / np.sqrt(zero))


def draw_sequences(system, count, rng):
    """Return standard normal inputs and their outputs, without noise, shape (count, LENGTH)."""
    inputs = rng.normal(size=(count, LENGTH))
    return inputs, system.simulate(inputs[..., None])[..., 0]


def run(system, method, step, seed, recorded=RECORDED):
    """Return the risks of one run after the recorded steps, relative to the zero model's.

    Each step takes the gradient on one fresh sequence, times a factor that falls linearly from
    `step` to 0 in STEPS steps. A run that leaves 1e100 has diverged: its risks are infinite.
    """
    extra_states, projected, clipped = METHODS[method]
    n = ORDER + extra_states
    rng, theta, visited = np.random.default_rng(seed), np.zeros(2 * n), []
    for t in range(recorded[-1]):
        gradient = lu.SequenceRisk(*draw_sequences(system, 1, rng), n).gradient(theta)
        if not np.abs(gradient).max() < 1e100:
            break
        if clipped:
            gradient /= max(1.0, np.linalg.norm(gradient) / CLIP)
        theta = theta - step * (1 - t / STEPS) * gradient
        if projected:
            theta[:n] = lu.project_to_cone(theta[:n], ANGLE)
        if t + 1 in recorded:
            visited.append(theta)
    risk = lu.FiniteRisk(system, LENGTH, n)
    risks = np.full(len(recorded), np.inf)
    risks[: len(visited)] = [risk.value(theta) for theta in visited]
    return risks / risk.value(np.zeros(2 * n))


def fit(system, seed):
    """Return the relative risks of the convex competitors, which see what the runs see first."""
    truth = system.impulse_response(LENGTH - 1)
    weights = 1 - np.arange(1, LENGTH) / LENGTH
    inputs, outputs = draw_sequences(system, SEQUENCES[-1], np.random.default_rng(seed))

    def relative(response):
        error = -truth
        error[: len(response)] += response
        squares = (error[:, 0, 0] ** 2, truth[:, 0, 0] ** 2)
        return float(weights @ squares[0] / (weights @ squares[1]))

    risks = {}
    for count in SEQUENCES:
        for taps in TAPS:
            seen = inputs[:count, :, None], outputs[:count, :, None]
            response = lu.estimate_impulse_response(*seen, taps)
            risks.setdefault(f"{taps} taps", []).append(relative(response))
        realized = lu.ho_kalman(response, ORDER).impulse_response(LENGTH - 1)
        risks.setdefault(f"Ho–Kalman of {taps} taps", []).append(relative(realized))
    return risks


def tune(outputs, method):
    """Return the medians of the final risks on the tuning systems, and the step of the least.

    Runs that diverge count as infinite.
    """
    finals = [
        [run(draw_system(k, outputs), method, step, 0)[-1] for k in TUNING_SYSTEMS]
        for step in GRIDS[outputs][method]
    ]
    medians = np.median(finals, axis=1)
    return medians, GRIDS[outputs][method][int(np.argmin(medians))]


def quartiles(risks):
    """Return quartiles over the first axis: risks of runs, none in between, so that ∞ may occur."""
    return np.quantile(risks, [0.25, 0.5, 0.75], axis=0, method="inverted_cdf")


def rounded(values, digits):
    """Return nested lists for JSON, to so many digits; null is infinite."""
    if np.ndim(values):
        return [rounded(value, digits) for value in values]
    return float(f"{values:.{digits}g}") if np.isfinite(values) else None


def measure(outputs, method):
    """Tune a method, run it on all systems with all seeds, and return its part of the record."""
    medians, step = tune(outputs, method)
    risks = np.array(
        [
            [run(draw_system(k, outputs), method, step, seed) for seed in SEEDS[outputs]]
            for k in SYSTEMS
        ]
    )
    return {
        "grid": GRIDS[outputs][method],
        "tuning medians": rounded(medians, 3),
        "step size": step,
        "quartiles": rounded(quartiles(risks.reshape(-1, len(RECORDED))), 4),
        "final": rounded(risks[..., -1], 4),
        "first run": rounded(risks[0, 0], 10),
    }


def measure_fits():
    """Fit the convex competitors to all systems and seeds; return their part of the record."""
    fits = [[fit(draw_system(k, "scaled"), seed) for seed in SEEDS["scaled"]] for k in SYSTEMS]
    part = {}
    for name in fits[0][0]:
        risks = np.array([[fitted[name] for fitted in row] for row in fits])
        part[name] = {
            "quartiles": rounded(quartiles(risks.reshape(-1, len(SEQUENCES))), 4),
            "final": rounded(risks[..., -1], 4),
        }
    return part


def settings():
    """Return what the record says of how it was made."""
    return {
        "order": ORDER,
        "spectral radius": RADIUS,
        "length": LENGTH,
        "steps": STEPS,
        "systems": list(SYSTEMS),
        "tuning systems": list(TUNING_SYSTEMS),
        "seeds": {outputs: list(seeds) for outputs, seeds in SEEDS.items()},
        "opening of the cone": ANGLE,
        "clipping norm": CLIP,
    }


def main():
    start = time.process_time()
    record = {"settings": settings(), "recorded steps": RECORDED.tolist()}
    for outputs, grids in GRIDS.items():
        record[outputs] = {}
        for method in grids:
            part = record[outputs][method] = measure(outputs, method)
            print(
                f"{time.process_time() - start:5.0f} s  {outputs}, {method}: "
                f"medians {part['tuning medians']} of steps {part['grid']}; "
                f"final quartiles {[q[-1] for q in part['quartiles']]}",
                flush=True,
            )
    record["sequences"], record["least squares"] = SEQUENCES, measure_fits()
    print(f"{time.process_time() - start:5.0f} s  {record['least squares']}")
    FILE.write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
