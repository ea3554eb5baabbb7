"""Landscapes refuse bad points, and functions that return a wrong shape."""

import copy
import pickle

import numpy as np
import pytest

import lin_utils as lu


@pytest.mark.parametrize(
    "theta, said",
    [
        ([1.0, 2.0, 3.0], r"theta must have shape \(..., 2\), got \(3,\)"),
        ([np.nan, 0.0], "theta must be finite"),
        ("word", "theta must be an array"),
    ],
)
def test_bad_points_are_refused(theta, said):
    with pytest.raises(ValueError, match=said):
        lu.circle_well().value(theta)


def test_a_function_that_returns_a_wrong_shape_is_refused():
    wrong = lu.Smooth(lambda x: x, lambda x: x, dim=2, minimum=0.0)
    with pytest.raises(ValueError, match=r"value must return shape \(5,\) here, got \(5, 2\)"):
        wrong.value(np.zeros((5, 2)))


@pytest.mark.parametrize("name", ["value", "gradient", "hessian"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_function_that_returns_no_number_is_refused_with_the_point(name, bad):
    right = {
        "value": lambda x: x.sum(-1),
        "gradient": np.ones_like,
        "hessian": lambda x: np.zeros((*x.shape, 2)),
    }

    def wrong(x):
        result = right[name](x)
        result[(x[..., 0] > 5)] = bad
        return result

    f = lu.Smooth(**{**right, name: wrong}, dim=2, minimum=0.0)
    assert np.isfinite(getattr(f, name)([[1.0, 2.0]])).all()
    said = rf"{name} must return finite numbers, got NaN or infinite entries at theta = \[7. 8.\]"
    with pytest.raises(ValueError, match=said):
        getattr(f, name)([[1.0, 2.0], [7.0, 8.0], [9.0, 9.0]])


@pytest.mark.parametrize("theta", [[3.0, -2.0], [[0.5, 1.0], [2.0, 3.0]]])
@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
def test_differences_of_the_gradient_give_hessian_and_products(theta, size):
    def gradient(x):
        x = x / size
        return np.stack([x[..., 0] ** 2 * x[..., 1], x[..., 0] ** 3 / 3], axis=-1)

    f = lu.Smooth(lambda x: 0 * x[..., 0], gradient, dim=2, minimum=0.0, scale=size)
    x, y = np.moveaxis(np.array(theta), -1, 0)
    expected = np.stack([np.stack([2 * x * y, x**2], -1), np.stack([x**2, 0 * x], -1)], -1) / size
    point, vector = size * np.array(theta), np.array([1e-9, 2e-9])
    scale = np.abs(expected).max()
    np.testing.assert_allclose(f.hessian(point), expected, atol=1e-8 * scale)
    product = f.hessian_vector_product(point, vector)
    np.testing.assert_allclose(product, expected @ vector, atol=1e-17 * scale)


def test_each_coordinate_has_a_step_of_its_own():
    f = lu.Smooth(
        lambda x: np.sin(x).sum(-1),
        np.cos,
        dim=2,
        minimum=-2.0,  # at (1e6, 0): curvatures differ
    )
    assert f.hessian([1e4, 1.0])[1, 1] == pytest.approx(-np.sin(1.0), rel=1e-8)


def test_the_arguments_of_a_function_are_copies():
    def double(x):
        x *= 2
        return x

    point = np.ones(2)
    f = lu.Smooth(lambda x: double(x).sum(-1), double, dim=2, minimum=0.0)
    assert f.value(point) == 4 and f.gradient(point).tolist() == [2, 2] and (point == 1).all()


@pytest.mark.parametrize("f", [lu.wavy_bowl(), lu.log_bowl(3), lu.DeepLinear((1, 1), [[2.0]])])
def test_landscapes_can_be_compared_copied_and_pickled_but_not_changed(f):
    for same in (copy.deepcopy(f), pickle.loads(pickle.dumps(f))):
        assert same == f and hash(same) == hash(f) and repr(same) == repr(f)
        assert same.value(np.ones(f.dim)) == f.value(np.ones(f.dim))
    assert f != lu.quartic()
    for name in ("dim", "minimum"):
        with pytest.raises(AttributeError, match=f"{name} is read-only"):
            setattr(f, name, 1)


@pytest.mark.parametrize("f", [lu.wavy_bowl(), lu.DeepLinear((1, 1), [[2.0]])])
def test_one_point_gives_numpy_scalars_and_a_batch_gives_arrays(f):
    for ask in (f.value, f.gap, lambda x: f.value_and_gradient(x)[0]):
        assert type(ask([0.3])) is np.float64 and ask([[0.3], [0.4]]).shape == (2,)
