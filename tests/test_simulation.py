"""The recorded simulation of chapter 4: a part of it repeated, and all of it in order."""

import json

import numpy as np
import pytest

import lin_utils as lu
from tools import simulation

RECORD = json.loads(simulation.FILE.read_text(encoding="utf-8"))
OUTPUTS = tuple(simulation.GRIDS)


def test_the_settings_are_those_of_the_script():
    assert RECORD["settings"] == simulation.settings()
    assert RECORD["recorded steps"] == simulation.RECORDED.tolist()
    assert tuple(RECORD["sequences"]) == simulation.SEQUENCES
    for outputs, grids in simulation.GRIDS.items():
        assert {method: tuple(RECORD[outputs][method]["grid"]) for method in grids} == grids
    assert simulation.FILE.stat().st_size <= 40_000


@pytest.mark.parametrize("method", ["projected", "clipped, 40 states"])
def test_the_first_steps_of_a_run_are_repeated(method):
    few = simulation.RECORDED[simulation.RECORDED <= 50]
    part = RECORD["scaled"][method]
    system = simulation.draw_system(simulation.SYSTEMS[0], "scaled")
    risks = simulation.run(system, method, part["step size"], simulation.SEEDS["scaled"][0], few)
    np.testing.assert_allclose(risks, part["first run"][: len(few)], rtol=1e-6)


def test_the_convex_competitors_are_repeated():
    record = lu.recorded_simulation()
    fitted = simulation.fit(simulation.draw_system(0, "scaled"), 0)
    assert tuple(fitted) == record.fits
    ends = [risks[-1] for risks in fitted.values()]
    np.testing.assert_allclose(ends, record.fit_final[:, 0, 0], rtol=1e-3)


@pytest.mark.parametrize("outputs", OUTPUTS)
def test_the_tuned_step_has_the_smallest_median(outputs):
    for part in RECORD[outputs].values():
        medians = [np.inf if median is None else median for median in part["tuning medians"]]
        assert part["step size"] == part["grid"][int(np.argmin(medians))]
        assert set(simulation.TUNING_SYSTEMS).isdisjoint(simulation.SYSTEMS)


@pytest.mark.parametrize("outputs", OUTPUTS)
def test_quartiles_are_ordered_and_end_as_the_runs_do(outputs):
    record = lu.recorded_simulation(outputs)
    assert record.methods == tuple(simulation.METHODS)
    assert record.final.shape[1:] == (len(simulation.SYSTEMS), len(simulation.SEEDS[outputs]))
    assert record.quartiles.shape == (6, 3, len(record.steps))
    assert (record.quartiles > 0).all() and (record.fit_quartiles > 0).all()
    for quartiles in (record.quartiles, record.fit_quartiles):
        low, median, high = np.moveaxis(quartiles, 1, 0)
        assert (low <= median).all() and (median <= high).all()
    pairs = [(record.final, record.quartiles), (record.fit_final, record.fit_quartiles)]
    for final, quartiles in pairs:
        ends = simulation.quartiles(final.reshape(len(final), -1).T).T
        np.testing.assert_array_equal(ends, quartiles[..., -1])
    np.testing.assert_allclose(record.first_run[:, -1], record.final[:, 0, 0], rtol=1e-3)


def test_zero_model_has_the_risk_one_if_outputs_are_scaled():
    for k in simulation.SYSTEMS:
        risk = lu.FiniteRisk(simulation.draw_system(k, "scaled"), simulation.LENGTH)
        assert risk.value(np.zeros(risk.dim)) == pytest.approx(1)
