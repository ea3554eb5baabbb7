"""One bad argument at a time around every public call: a clear refusal, or a right value.

A call meets the contract if it raises a ValueError that names the argument, or returns numbers
without a warning. What is no argument at all (a string for an array) has to be refused.
"""

import datetime
import decimal
import inspect
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import lin_utils as lu

RNG = np.random.default_rng(0)
AB = lu.DeepLinear((1, 1, 1), [[1.0]])
NETWORK = lu.DeepLinear((2, 3, 2), [[2.0, 0.5], [0.0, 1.0]], [[1.0, 0.3], [0.3, 0.8]])
RESIDUAL = lu.Residual(2, [[2.0, 0.5], [0.0, 1.0]])
SYSTEM = lu.LinearRNN([[0.5, 0.2], [0.0, -0.3]], [[1.0], [1.0]], [[1.0, 2.0]])
MODEL = lu.LinearRNN([[0.1, 0.2], [0.0, 0.4]], [[1.0], [1.0]], [[1.0, 1.0]])
BOWL = lu.log_bowl(2)
PATH = lu.gradient_descent(BOWL, [1.0, 2.0], 0.1, 5)
POINT = np.linspace(0.1, 0.9, 12)


def value(x):
    return (x**2).sum(-1)


def slope(x):
    return 2 * x


def bend(x):
    return 2 * np.broadcast_to(np.eye(x.shape[-1]), (*x.shape, x.shape[-1]))


def line(slope):
    return lu.figures.curves([0.0, 1.0], {"y": [0.0, slope]}, xlabel="x", ylabel="y")


def landscape_calls(f, theta):
    """Return the calls that all landscapes have."""
    calls = {name: {"theta": theta} for name in ("value", "gradient", "hessian", "gap")}
    calls["value_and_gradient"] = {"theta": theta}
    calls["hessian_vector_product"] = {"theta": theta, "vector": np.ones(f.dim)}
    if isinstance(f, lu.SquaredResidual):
        calls |= {name: {"theta": theta} for name in ("residual", "jacobian", "tangent_kernel")}
        calls["derivative"] = {"theta": theta, "vector": np.ones(f.dim)}
        calls["adjoint"] = {"theta": theta, "residual": f.residual(theta)}
    return {(type(f), name): (getattr(f, name), words) for name, words in calls.items()}


def layers(f):
    return [np.ones(shape) for shape in getattr(f, "plain", f).shapes]


def network_calls(f, theta):
    words = {
        "split": {"theta": theta},
        "join": {"layers": layers(f)},
        "end_to_end": {"theta": theta},
    }
    return {(type(f), name): (getattr(f, name), given) for name, given in words.items()}


def risk_calls(f):
    half = np.array([0.1, 0.2])
    words = {"split": {"theta": np.ones(4)}, "join": {"a": half, "c": half}}
    return {(type(f), name): (getattr(f, name), given) for name, given in words.items()}


IDEALIZED, FINITE = lu.IdealizedRisk(SYSTEM), lu.FiniteRisk(SYSTEM, 20)
NOISE = np.random.default_rng(5).normal(size=(2, 9, 1))
SEQUENCE = lu.SequenceRisk(NOISE[..., 0], NOISE[::-1, :, 0], 2)
SMALL = np.array([0.1, -0.2, 0.5, 1.0])
TWO_LAYER = lu.TwoLayer([[1.0, 0.5], [-1.0, 2.0]], [1.0, 2.0], 2, "tanh")
CURVE = {"x": [0.0, 1.0, 2.0], "lines": {"a": [1.0, 2.0, 4.0]}, "xlabel": "x", "ylabel": "y"}

#: Every public call with good arguments: {(owner, name): (callable, keywords)}.
CALLS = {
    (lu, "Smooth"): (
        lu.Smooth,
        {"value": value, "gradient": slope, "dim": 2, "minimum": 0.0, "hessian": bend}
        | {"scale": 1.0, "name": "bowl"},
    ),
    **landscape_calls(BOWL, np.array([1.0, 2.0])),
    (lu, "DeepLinear"): (
        lu.DeepLinear,
        {"widths": (2, 2), "target": np.eye(2), "covariance": np.eye(2), "constant": 0.0},
    ),
    (lu.DeepLinear, "from_data"): (
        lu.DeepLinear.from_data,
        {"widths": (2, 1), "x": np.eye(2), "y": np.ones((2, 1))},
    ),
    **landscape_calls(NETWORK, POINT),
    **network_calls(NETWORK, POINT),
    (lu.DeepLinear, "critical_values"): (NETWORK.critical_values, {"most": 3}),
    (lu.DeepLinear, "critical_point"): (NETWORK.critical_point, {"keep": [0]}),
    (lu.DeepLinear, "critical_point with a rest"): (
        NETWORK.critical_point,
        {"keep": [0], "rest": [np.zeros((2, 1)), np.zeros((1, 2))]},
    ),
    (lu.DeepLinear, "change_bases"): (
        NETWORK.change_bases,
        {"theta": POINT, "bases": [np.eye(3) + 0.1]},
    ),
    (lu.DeepLinear, "change_bases of one unit"): (
        AB.change_bases,
        {"theta": [1.0, 2.0], "bases": [[[2.0]]]},
    ),
    (lu.DeepLinear, "imbalance"): (NETWORK.imbalance, {"theta": POINT}),
    (lu.DeepLinear, "orthogonal_start"): (
        NETWORK.orthogonal_start,
        {"scale": 0.1, "rng": np.random.default_rng(4), "size": (2, 3)},
    ),
    (lu.DeepLinear, "pivots"): (
        NETWORK.pivots,
        {"theta": NETWORK.critical_point([1]), "tolerance": 1e-6},
    ),
    (lu.DeepLinear, "pivots of one unit"): (AB.pivots, {"theta": [0.0, 0.0]}),
    **{
        (getattr(lu, name), f"depth {depth}"): (
            getattr(lu, name),
            {first: [0.5, 0.7], "start": 0.1, "target": 1.0}
            | {"depth": depth, "curvature": [1.0, 2.0]},
        )
        for depth in (1, 2, 3)
        for name, first in (("mode_strength", "t"), ("mode_time", "strength"))
    },
    (lu, "mode_strength"): (
        lu.mode_strength,
        {"t": [0.0, 1.0], "start": 0.1, "target": 1.0, "depth": 3, "curvature": 0.5},
    ),
    (lu, "mode_time"): (
        lu.mode_time,
        {"strength": [0.2, 0.9], "start": 0.1, "target": 1.0, "depth": 3, "curvature": 0.5},
    ),
    (lu.DeepLinear, "escape_perturbation"): (
        NETWORK.escape_perturbation,
        {"theta": NETWORK.critical_point([0]), "size": 0.1},
    ),
    (lu, "Residual"): (
        lu.Residual,
        {"depth": 2, "target": np.eye(2), "covariance": np.eye(2)},
    ),
    **landscape_calls(RESIDUAL, POINT[:8]),
    **network_calls(RESIDUAL, POINT[:8]),
    (lu.Residual, "radius"): (RESIDUAL.radius, {"theta": POINT[:8]}),
    (lu.Residual, "polyak_constant"): (RESIDUAL.polyak_constant, {"radius": 0.5}),
    (lu.Residual, "zero_asymmetric_start"): (RESIDUAL.zero_asymmetric_start, {}),
    (lu.Residual, "descent_promise"): (RESIDUAL.descent_promise, {"reach": 0.5}),
    **{
        (lu.eigenvalue_path, f"depth {depth}"): (
            lu.eigenvalue_path,
            {"t": [0.5, 1.0], "eigenvalues": np.array([2.0, -1.0, 0.5j]), "depth": depth},
        )
        for depth in (1, 2)
    },
    (lu, "eigenvalue_path"): (
        lu.eigenvalue_path,
        {"t": [0.5, 1.0], "eigenvalues": np.array([0.5 + 1e-3j]), "depth": 3},
    ),
    (lu, "near_identity_lower_bound"): (
        lu.near_identity_lower_bound,
        {"depth": 5, "target": np.diag([2.0, 3])},
    ),
    (lu, "near_identity_bound"): (
        lu.near_identity_bound,
        {"depth": 5, "target": np.diag([2.0, 3])},
    ),
    (lu, "near_identity_factors"): (
        lu.near_identity_factors,
        {"depth": 5, "target": np.diag([2.0, 3])},
    ),
    (lu, "LinearRNN"): (
        lu.LinearRNN,
        {"A": SYSTEM.A, "B": SYSTEM.B, "C": SYSTEM.C, "D": SYSTEM.D},
    ),
    (lu.LinearRNN, "from_coefficients"): (
        lu.LinearRNN.from_coefficients,
        {"a": [0.1, 0.2], "c": [1.0, 2.0]},
    ),
    (lu.LinearRNN, "impulse_response"): (SYSTEM.impulse_response, {"length": 5}),
    (lu.LinearRNN, "simulate"): (SYSTEM.simulate, {"inputs": np.ones((6, 1))}),
    (lu.LinearRNN, "transfer_function"): (SYSTEM.transfer_function, {"frequency": [0.1, 0.2]}),
    (lu.LinearRNN, "coefficients"): (SYSTEM.coefficients, {}),
    (lu.LinearRNN, "controllable_form"): (SYSTEM.controllable_form, {}),
    (lu.LinearRNN, "controllable_similarity"): (SYSTEM.controllable_similarity, {}),
    (lu, "random_system"): (
        lu.random_system,
        {"order": 3, "spectral_radius": 0.5, "rng": np.random.default_rng(1)},
    ),
    (lu, "recorded_simulation"): (lu.recorded_simulation, {"outputs": "drawn"}),
    (lu, "idealized_risk"): (lu.idealized_risk, {"model": MODEL, "system": SYSTEM}),
    (lu, "IdealizedRisk"): (lu.IdealizedRisk, {"system": SYSTEM, "order": 2}),
    **landscape_calls(IDEALIZED, SMALL),
    **risk_calls(IDEALIZED),
    (lu, "FiniteRisk"): (lu.FiniteRisk, {"system": SYSTEM, "horizon": 10, "order": 2}),
    **landscape_calls(FINITE, SMALL),
    **risk_calls(FINITE),
    (lu, "SequenceRisk"): (
        lu.SequenceRisk,
        {"inputs": np.ones((2, 9)), "outputs": np.ones((2, 9)), "order": 2},
    ),
    **landscape_calls(SEQUENCE, SMALL),
    **risk_calls(SEQUENCE),
    (lu.SequenceRisk, "identity_right_side"): (
        SEQUENCE.identity_right_side,
        {"theta": SMALL, "a": [0.1, 0.2, 0.3]},
    ),
    (lu, "estimate_impulse_response"): (
        lu.estimate_impulse_response,
        {"inputs": NOISE, "outputs": NOISE, "length": 3},
    ),
    (lu, "ho_kalman"): (lu.ho_kalman, {"response": SYSTEM.impulse_response(5), "order": 2}),
    (lu, "TwoLayer"): (
        lu.TwoLayer,
        {"inputs": [[1.0], [2.0]], "targets": [1.0, 2.0], "width": 3, "activation": "relu"},
    ),
    **landscape_calls(TWO_LAYER, POINT[:6]),
    (lu.TwoLayer, "split"): (TWO_LAYER.split, {"theta": POINT[:6]}),
    (lu.TwoLayer, "join"): (TWO_LAYER.join, {"u": np.eye(2), "v": np.ones(2)}),
    (lu, "weak_quasi_convexity_constant"): (
        lu.weak_quasi_convexity_constant,
        {"a_hat": [0.1, 0.2], "a": [0.3]},
    ),
    (lu, "best_weak_quasi_convexity_constant"): (
        lu.best_weak_quasi_convexity_constant,
        {"a_hat": [0.1, 0.2], "a": [0.3]},
    ),
    (lu, "cone_angle"): (lu.cone_angle, {"a": [0.1, 0.2]}),
    (lu, "project_to_cone"): (lu.project_to_cone, {"a": [1.1, 0.9], "angle": 1.0}),
    (lu, "extend"): (lu.extend, {"a": [0.1, 0.2], "c": [1.0, 2.0], "degree": 3}),
    (lu, "polyak_ratio"): (lu.polyak_ratio, {"landscape": AB, "theta": [1.0, 2.0]}),
    (lu, "weak_quasi_convexity_ratio"): (
        lu.weak_quasi_convexity_ratio,
        {"landscape": AB, "theta": [1.0, 2.0], "minimizer": [1.0, 1.0]},
    ),
    (lu, "classify"): (
        lu.classify,
        {"landscape": AB, "theta": [0.0, 0.0], "tolerance": 1e-6},
    ),
    (lu, "polyak_factor"): (lu.polyak_factor, {"alpha": 1.0, "beta": 2.0, "step": 0.3}),
    (lu, "polyak_rate"): (
        lu.polyak_rate,
        {"alpha": 1.0, "beta": 2.0, "gap": 1.0, "steps": [0, 1], "step": 0.3},
    ),
    (lu, "weak_quasi_convex_rate"): (
        lu.weak_quasi_convex_rate,
        {"alpha": 1.0, "lipschitz": 1.0, "distance": 1.0, "steps": [0, 1]},
    ),
    (lu, "smooth_weak_quasi_convex_rate"): (
        lu.smooth_weak_quasi_convex_rate,
        {"alpha": 1.0, "beta": 1.0, "distance": 1.0, "gap": 1.0, "steps": [0, 1]},
    ),
    (lu, "sharp_polyak_factor"): (lu.sharp_polyak_factor, {"alpha": 1.0, "beta": 2.0}),
    (lu, "polyak_path_length"): (
        lu.polyak_path_length,
        {"alpha": 1.0, "beta": 2.0, "gap": [0.0, 1.0]},
    ),
    (lu, "noisy_polyak_rate"): (
        lu.noisy_polyak_rate,
        {"alpha": 1.0, "beta": 2.0, "gap": 1.0, "noise": 1.0, "steps": [0, 1], "step": 0.3},
    ),
    (lu, "weak_quasi_convex_flow_rate"): (
        lu.weak_quasi_convex_flow_rate,
        {"alpha": 1.0, "distance": 1.0, "time": [0.0, 1.0]},
    ),
    (lu, "check_gradient"): (
        lu.check_gradient,
        {"landscape": AB, "theta": [1.0, 2.0], "direction": [1.0, 1.0]},
    ),
    (lu, "gradient_descent"): (
        lu.gradient_descent,
        {"landscape": AB, "start": [1.0, 2.0], "step": 0.1, "steps": 3, "project": np.array}
        | {"every": 1, "progress": False},
    ),
    (lu, "polyak_step_descent"): (
        lu.polyak_step_descent,
        {"landscape": AB, "start": [1.0, 2.0], "steps": 3, "alpha": 1.0, "project": np.array}
        | {"every": 1, "progress": False},
    ),
    (lu, "stochastic_gradient_descent"): (
        lu.stochastic_gradient_descent,
        {"landscape": AB, "start": [1.0, 2.0], "step": 0.1, "steps": 3, "project": np.array}
        | {"noise": 0.1, "rng": np.random.default_rng(2), "every": 1, "progress": False},
    ),
    (lu.stochastic_gradient_descent, "with an estimate"): (
        lu.stochastic_gradient_descent,
        {"landscape": AB, "start": [1.0, 2.0], "step": 0.1, "steps": 3}
        | {"estimate": lambda x, rng: x, "rng": np.random.default_rng(2)},
    ),
    (lu, "certify"): (
        lu.certify,
        {"claim": "a", "smaller": [0.0, 1.0], "larger": [1.0, 2.0], "tolerance": 1e-9},
    ),
    (lu, "certify_equal"): (
        lu.certify_equal,
        {"claim": "a", "first": [0.0, 1.0], "second": [0.0, 1.0], "tolerance": 1e-9},
    ),
    (lu, "check_answer"): (
        lu.check_answer,
        {"expected": [1.0, 2.0], "answer": [1.0, 2.0], "explain": str, "tolerance": 1e-3},
    ),
    (lu, "check_gradient_answer"): (
        lu.check_gradient_answer,
        {"value": value, "gradient": slope, "dim": 2},
    ),
    (lu, "explore"): (
        lu.explore,
        {"draw": line, "description": "a line", "start": {"slope": 2}, "slope": [1, 2]},
    ),
    **{
        (lu, name): (getattr(lu, name), {})
        for name in ("quartic", "circle_well", "two_minima_ridge", "parabola_valley")
        + ("bent_valley", "flat_stairs", "tilted_wells")
    },
    (lu, "wavy_bowl"): (lu.wavy_bowl, {"height": 3.0}),
    (lu, "star"): (lu.star, {"power": 2.0}),
    (lu, "power_bowl"): (lu.power_bowl, {"power": 1.5, "scale": 2.0, "dim": 3}),
    (lu, "huber"): (lu.huber, {"threshold": 0.1}),
    (lu, "zigzag_bowl"): (lu.zigzag_bowl, {"alpha": 0.3, "beta": 1.0}),
    (lu, "largest_coordinate"): (lu.largest_coordinate, {"steps": 3, "alpha": 1.0}),
    (lu, "log_bowl"): (lu.log_bowl, {"dim": 2}),
    (lu, "averaging_trap"): (lu.averaging_trap, {"steps": 3}),
    (lu.figures, "landscape_contours"): (
        lu.figures.landscape_contours,
        {"landscape": AB, "x_range": (-1.0, 2.0), "y_range": (-1.0, 2.0)}
        | {"paths": [[[0.0, 1.0], [1.0, 1.0]]], "labels": ("a", "b"), "title": "t"}
        | {"resolution": 9, "levels": 4, "floor": 1e-3},
    ),
    (lu.figures, "rates"): (
        lu.figures.rates,
        {"observed": {"a": [1.0, 0.5]}, "proved": {"b": [2.0, 1.0]}}
        | {"logarithmic_time": False, "title": "t"},
    ),
    (lu.figures, "taylor_remainder"): (
        lu.figures.taylor_remainder,
        {"check": lu.check_gradient(AB, [1.0, 2.0], [1.0, 0.0])},
    ),
    (lu.figures, "curves"): (
        lu.figures.curves,
        CURVE
        | {"title": "t", "levels": {"c": 1.0}, "vertical": {"d": 0.5}, "ylim": (0.1, 5.0)}
        | {"xscale": "linear", "yscale": "log"},
    ),
    (lu.figures, "scatter"): (
        lu.figures.scatter,
        {"groups": {"a": ([1.0, 2.0], [3.0, 4.0])}, "xlabel": "x", "ylabel": "y"}
        | {"title": "t", "vertical": [1.0]},
    ),
    (lu.figures, "matrices"): (
        lu.figures.matrices,
        {"rows": {"a": [[[1.0, -2.0]], [[3.0]]]}, "names": ["A", "B"]},
    ),
    (lu.figures, "response_and_cone"): (
        lu.figures.response_and_cone,
        {"response": [1.0, 0.5], "curve": np.exp(1j * np.arange(9)), "angle": 1.0, "title": "t"},
    ),
    (lu.figures, "implications"): (
        lu.figures.implications,
        {"places": {"a": (1.0, 1.0), "b": (3.0, 3.0)}, "implied": [("a", "b")]}
        | {"refuted": {("b", "a"): "x⁴"}, "links": {"a": "#a"}},
    ),
}
# What has no arguments of a reader's: results that calls return, and the base classes.
MADE_BY_CALLS = {"Certificate", "DescentPromise", "GradientCheck", "Pivots", "Trajectory"}
MADE_BY_CALLS |= {"Landscape", "RecordedSimulation", "SquaredResidual", "figures"}

RECORDS = (lu.Trajectory, lu.GradientCheck, lu.DescentPromise, lu.RecordedSimulation)

SIMPLE = [key for key in CALLS if key[0] is not lu.figures and key[1] != "explore"]

MASKED = np.ma.masked_array([1.0, 2.0], mask=[True, False])
NO_NUMBERS = [
    None,
    "word",
    "1.0",
    b"1",
    ["1", "2"],
    object(),
    1j,
    [1j, 2.0],
    np.nan,
    np.inf,
    [np.nan, 1.0],
    [-np.inf, 1.0],
    True,
    [True, False],
    MASKED,
    datetime.date(2026, 1, 1),
    np.array(["2026-01-01"], dtype="datetime64[D]"),
    np.timedelta64(1, "D"),
    decimal.Decimal("NaN"),
    10**400,
    [[1.0], [1.0, 2.0]],
    {},
    {"a": 1.0},
    {1.0},
    len,
    np.array([None, object()]),
    np.dtype(float),
]
ODD_NUMBERS = [
    0,
    -1,
    -0.0,
    1,
    7,
    1.5,
    [],
    [[]],
    [0.0],
    [1, 2],
    np.zeros(0),
    np.zeros((0, 2)),
    np.zeros((3, 0)),
    np.ones((2, 2), dtype=np.float32),
    np.ones((3, 2, 2)),
    np.ones(2, dtype=np.int8),
    np.full(2, 1e308),
    np.full(4, -1e200),
    np.full((2, 2), 1e160),
    np.full(2, 1e-320),
    1e308,
    5e-324,
    2**62,
    Fraction(1, 3),
]
NO_FUNCTIONS = [None, 3, "sin", [], object()]
NO_TEXTS = [None, 3, b"word", ["a"], object(), np.nan]


def replacements(good):
    """Return what must be refused in place of a good argument, and what may be taken."""
    if isinstance(good, (bool, np.bool_)):
        return [None, "yes", 0, 1, 1.0, [], object(), np.nan], []
    if isinstance(good, str):
        return NO_TEXTS, ["", "ä" * 300]
    if isinstance(good, dict):
        return [3, "word", [1], object(), {1: 2.0}, {None: None}], [{}]
    if isinstance(good, (lu.Landscape, lu.LinearRNN, np.random.Generator, lu.GradientCheck)):
        return [None, 3, "word", [1.0], object(), type(good), np.sin], []
    if callable(good):
        return NO_FUNCTIONS, []
    if isinstance(good, int):
        bad = [x for x in NO_NUMBERS if x is not None]
        return [*bad, 1.5, -1, [1], np.ones(2), 2.0], []
    if isinstance(good, np.ndarray) and good.dtype == complex:
        return [x for x in NO_NUMBERS if not isinstance(x, (complex, list))], ODD_NUMBERS
    if isinstance(good, (list, tuple)) and good and isinstance(good[0], (str, tuple)):
        return [3, None, object(), [None], [3], "word"], [[]]
    return NO_NUMBERS, ODD_NUMBERS


#: Arguments that may be left out, so that None is no mistake.
OPTIONAL = {
    (name, argument)
    for (_, name), (call, words) in CALLS.items()
    for argument in words
    if (p := inspect.signature(call).parameters.get(argument)) and p.default is None
}


def attacks():
    """Yield each call with one bad argument: its key, the argument, the bad one, must it fail."""
    for key, (_, words) in CALLS.items():
        for argument, good in words.items():
            refused, tolerated = replacements(good)
            for bad in refused:
                must = not (bad is None and (key[1], argument) in OPTIONAL)
                # A wrong answer is no mistake of the caller, and a bound can be infinite.
                may = (
                    argument == "answer" or argument in ("smaller", "larger") and "inf" in repr(bad)
                )
                # A function of the reader fails by itself: a schedule, and a drawing.
                theirs = (
                    argument == "step" and bad is len or argument == "slope" and "1j" in repr(bad)
                )
                if not theirs:
                    yield key, argument, bad, must and not may
            for bad in tolerated:
                yield key, argument, bad, False


def has_nan(result):
    """Look for NaN in numbers, arrays and what holds them."""
    if isinstance(result, (tuple, list)):
        return any(map(has_nan, result))
    if isinstance(result, RECORDS):
        return has_nan(list(vars(result).values()))
    if isinstance(result, (float, np.ndarray)) and np.asarray(result).dtype.kind in "fc":
        return bool(np.isnan(result).any())
    return False


def verdict(key, argument, bad, must_fail):
    """Make one call; return what is wrong with how it ends, or nothing."""
    call, words = CALLS[key]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            result = call(**{**words, argument: bad})
        except ValueError as error:
            return "" if argument in str(error) else f"does not name {argument}: {error}"
        except AssertionError as error:  # a certificate that does not hold
            return "" if key[1].startswith("certify") and not must_fail else repr(error)
        except Exception as error:
            return repr(error)
    if must_fail:
        return f"takes it and returns {result!r:.60}"
    known = (lu.Landscape, lu.LinearRNN, Figure, str)
    return "returns NaN" if not isinstance(result, known) and has_nan(result) else ""


def test_every_public_call_is_attacked():
    names = {(lu, name) for name in lu.__all__ if name not in MADE_BY_CALLS}
    names |= {(lu.figures, name) for name in lu.figures.__all__ if not name.isupper()}
    risks = (lu.IdealizedRisk, lu.FiniteRisk, lu.SequenceRisk)
    for kind in (lu.DeepLinear, lu.Residual, lu.LinearRNN, lu.TwoLayer, *risks):
        methods = inspect.getmembers(kind, lambda m: inspect.isfunction(m) or inspect.ismethod(m))
        names |= {(kind, name) for name, _ in methods if not name.startswith("_")}
    assert names - set(CALLS) == set()


@pytest.mark.parametrize("key", CALLS, ids=lambda key: f"{key[0].__name__}.{key[1]}")
def test_a_good_call_works_and_a_bad_argument_is_refused_by_name(key):
    call, words = CALLS[key]
    call(**words)
    faults = [
        f"{argument} = {bad!r:.60}: {said}"
        for at, argument, bad, must in attacks()
        if at == key and (said := verdict(at, argument, bad, must))
    ]
    assert not faults, "\n".join(faults)


def flat(result):
    """Return all numbers of a result."""
    if isinstance(result, (tuple, list)):
        return [number for part in result for number in flat(part)]
    if isinstance(result, RECORDS):
        return flat([part for part in vars(result).values() if not isinstance(part, str)])
    return np.ravel(result).tolist() if isinstance(result, (float, np.ndarray)) else [result]


#: Lists of integers, and of matrices of several shapes, and complex numbers.
NO_ARRAYS = ("layers", "keep", "rest", "eigenvalues")
FORMS = {
    "lists": lambda x: x.tolist(),
    "Fortran order": np.asfortranarray,
    "every other entry": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "read-only": lambda x: np.broadcast_to(x, x.shape),
    "float32": lambda x: x.astype(np.float32),
    "long double": lambda x: x.astype(np.longdouble),
    "integers": lambda x: x.astype(int),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "key",
    [k for k in SIMPLE if any(isinstance(v, (list, np.ndarray)) for v in CALLS[k][1].values())],
    ids=lambda key: f"{key[0].__name__}.{key[1]}",
)
def test_the_form_of_an_array_does_not_matter_and_it_is_not_changed(key, form):
    call, words = CALLS[key]
    arrays = {
        name: np.array(value, dtype=float)
        for name, value in words.items()
        if isinstance(value, (list, np.ndarray)) and name not in NO_ARRAYS
    }
    if form in ("float32", "integers"):  # what these can hold
        kind = np.float32 if form == "float32" else int
        arrays = {name: value.astype(kind).astype(float) for name, value in arrays.items()}
    given = {name: FORMS[form](value) for name, value in arrays.items()}
    before = {name: np.array(value) for name, value in given.items()}

    def ask(arrays):
        seeded = {"rng": np.random.default_rng(3)} if "rng" in words else {}
        try:
            return call(**{**words, **seeded, **arrays})
        except ValueError as error:  # of rounded numbers, that the call does not take
            return str(error).partition(", got")[0]

    expected, result = ask(arrays), ask(given)
    for name, value in given.items():
        np.testing.assert_array_equal(value, before[name])
    if isinstance(expected, (lu.Landscape, lu.LinearRNN, lu.Certificate, lu.Pivots, str)):
        assert result == expected
    else:
        np.testing.assert_allclose(flat(result), flat(expected), rtol=1e-12, atol=1e-14)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=5),
    st.binary(max_size=3),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.dates(),
    st.fractions(),
    st.decimals(),
)
HOSTILE = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=2),
        st.tuples(inner, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=500)
@given(st.data())
def test_whatever_comes_is_refused_by_name_or_taken_without_a_warning(data):
    key = data.draw(st.sampled_from([key for key in SIMPLE if CALLS[key][1]]))
    argument = data.draw(st.sampled_from(sorted(CALLS[key][1])))
    bad = data.draw(HOSTILE)
    if isinstance(bad, int) and isinstance(CALLS[key][1][argument], int):
        bad = bad % 100  # more is no mistake, only long
    assert verdict(key, argument, bad, must_fail=False) == ""
