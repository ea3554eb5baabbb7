"""The jobs that are compared, each written for every library in the ways that may be its fastest.

All compute in double precision. JAX is compiled and warm, its results are waited for, and its
inputs are on its device already; PyTorch gets tensors. What a job needs once (systems, targets)
is made beforehand for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import control
import jax
import jax.numpy as jnp
import numpy as np
import threadpoolctl
import torch
from scipy.signal import lfilter

import lin_utils as lu

from .compare import Case

jax.config.update("jax_enable_x64", True)
torch.set_num_threads(1)


def conditions() -> str:
    """Say what was compared and how: versions, cores, the BLAS kernels at work."""
    versions = ", ".join(f"{m.__name__} {m.__version__}" for m in (np, torch, jax, control))
    kernels = ", ".join(
        f"{library['prefix']} {library['version']} ({library['architecture']})"
        for library in threadpoolctl.threadpool_info()
        if library["internal_api"] == "openblas"
    )
    return (
        "One core, double precision; the least time of interleaved rounds.\n"
        f"{versions}; {kernels}.\n"
        "Each entry is the other's time over that of lin_utils."
    )


def ready(function: Callable, *arguments) -> Callable[[], object]:
    """Compile a function for JAX; the call waits for the result."""
    compiled = jax.jit(function)
    arguments = jax.tree.map(jnp.asarray, arguments)
    return lambda: jax.block_until_ready(compiled(*arguments))


def network(depth: int, width: int) -> tuple[lu.DeepLinear, np.ndarray]:
    """Return a square network with a target and a covariance of size about 1, and a point."""
    rng = np.random.default_rng(0)
    root, target = rng.normal(size=(2, width, width)) / np.sqrt(width)
    f = lu.DeepLinear((width,) * (depth + 1), target, root @ root.T)
    return f, rng.normal(size=f.dim) / np.sqrt(width)


def loss(f: lu.DeepLinear, array: Callable) -> Callable:
    """Return the loss of a sequence of layers, in the arrays of another library."""
    target, covariance = array(f.target), array(f.covariance)

    def function(layers):
        product = layers[0]
        for layer in layers[1:]:
            product = layer @ product
        error = product - target
        return ((error @ covariance) * error).sum()

    return function


def gradient_case(depth: int, width: int) -> Case:
    f, theta = network(depth, width)
    shape = (depth, width, width)
    layers = f.split(theta)
    jax_loss, torch_loss = loss(f, jnp.asarray), loss(f, torch.tensor)
    tensor = torch.tensor(theta, requires_grad=True)
    tensors = [torch.tensor(layer, requires_grad=True) for layer in layers]
    out = np.empty((width, width))

    def torch_flat():
        value = torch_loss(tensor.view(shape).unbind())
        return value, torch.autograd.grad(value, tensor)

    def torch_layers():
        value = torch_loss(tensors)
        return value, torch.autograd.grad(value, tensors)

    def bare_products():
        for k in range(3 * (depth - 1) + 1):
            np.matmul(layers[k % depth], layers[(k + 1) % depth], out=out)

    # From d = 64 on nearly all of the time is the matrix products', which all leave to a BLAS or
    # their own kernels: a ratio there says nothing of lin_utils, so it is no target.
    targets = {"PyTorch": 3.0, "JAX": 1.5} if width <= 32 else {}
    return Case(
        "Value and gradient of a deep linear network",
        f"L = {depth}",
        width,
        "d",
        lambda: f.value_and_gradient(theta),
        {
            "PyTorch": [torch_flat, torch_layers],
            "JAX": [
                ready(jax.value_and_grad(lambda flat: jax_loss(flat.reshape(shape))), theta),
                ready(jax.value_and_grad(jax_loss), layers),
            ],
            "bare products": [bare_products],
        },
        targets,
        unchecked=("bare products",),
        note="No targets from d = 64 on: the bare matrix products are the limit there.",
    )


def descent_case(depth: int, width: int, starts: int = 1000, steps: int = 20) -> Case:
    f, theta = network(depth, width)
    # Near the identity the products stay bounded: nothing diverges.
    theta = np.tile(np.eye(width).ravel(), depth) + 0.1 * theta
    start = theta + 0.1 / width * np.random.default_rng(1).normal(size=(starts, f.dim))
    step = 1e-3
    function = loss(f, jnp.asarray)
    slope = jax.value_and_grad(lambda flat: function(flat.reshape(depth, width, width)))

    def descend(slope, start):
        def body(x, _):
            value, gradient = slope(x)
            return x - step * gradient, (value, jnp.linalg.norm(gradient, axis=-1), x)

        return jax.lax.scan(body, start, length=steps + 1)[1]

    def ours():
        path = lu.gradient_descent(f, start, step, steps)
        return path.values, path.gradient_norms, path.points

    return Case(
        f"{starts:,} starts of gradient descent in one call, {steps} steps",
        f"L = {depth}",
        width,
        "d",
        ours,
        {
            "JAX": [
                ready(lambda x: descend(jax.vmap(slope), x), start),
                ready(jax.vmap(lambda x: descend(slope, x), out_axes=1), start),
            ]
        },
        {"JAX": 1.0},
    )


def hessian_case(depth: int, width: int) -> Case:
    f, theta = network(depth, width)
    jax_loss, torch_loss = loss(f, jnp.asarray), loss(f, torch.tensor)
    shape, tensor = (depth, width, width), torch.tensor(theta)

    def jax_flat(flat):
        return jax_loss(flat.reshape(shape))

    def torch_flat(flat):
        return torch_loss(flat.view(shape).unbind())

    hessian = torch.func.hessian(torch_flat)
    return Case(
        "Hessian of a deep linear network",
        f"L = {depth}",
        width,
        "d",
        lambda: f.hessian(theta),
        {
            "PyTorch": [
                lambda: hessian(tensor),
                lambda: torch.autograd.functional.hessian(torch_flat, tensor, vectorize=True),
            ],
            "JAX": [
                ready(jax.hessian(jax_flat), theta),
                ready(jax.jacrev(jax.jacrev(jax_flat)), theta),
            ],
        },
    )


def system(order: int, rng: np.random.Generator) -> lu.LinearRNN:
    """Return a random system with Σ|a_j| = 0.9: stable, and as well conditioned as that is."""
    a, c = rng.normal(size=(2, order))
    return lu.LinearRNN.from_coefficients(0.9 * a / np.abs(a).sum(), c)


def risk_cases(order: int) -> Iterator[Case]:
    rng = np.random.default_rng(0)
    model, truth = system(order, rng), system(order, rng)
    a, c = model.coefficients()
    true_a, true_c = (part.copy() for part in truth.coefficients())  # PyTorch refuses views
    theta, risk = np.concatenate([a, c]), lu.IdealizedRisk(truth)
    # The others are told how many points are enough, and do not look at stability.
    slowest = max(model.spectral_radius, truth.spectral_radius)
    points = 2 ** int(np.ceil(np.log2(max(45 / (1 - slowest), 4 * order + 4))))

    def mean_square(library, array):
        def transfer(a, c):
            denominator = library.fft.rfft(a, points) * shift + 1
            return library.fft.rfft(library.flip(c, (0,)), points) / denominator

        shift = array(np.exp(-2j * np.pi * np.arange(points // 2 + 1) / points))
        weights = np.full(points // 2 + 1, 2.0 / points)
        weights[[0, -1]] /= 2
        known, weights = transfer(array(true_a), array(true_c)), array(weights)

        def function(theta):
            error = transfer(theta[:order], theta[order:]) - known
            return ((error.real**2 + error.imag**2) * weights).sum()

        return function

    torch_risk, tensor = mean_square(torch, torch.tensor), torch.tensor(theta, requires_grad=True)

    def torch_gradient():
        value = torch_risk(tensor)
        return value, torch.autograd.grad(value, tensor)

    yield Case(
        "Idealized risk and gradient",
        "",
        order,
        "n",
        lambda: risk.value_and_gradient(theta),
        {
            "PyTorch": [torch_gradient],
            "JAX": [ready(jax.value_and_grad(mean_square(jnp, jnp.asarray)), theta)],
        },
    )
    error = control.ss(model.A, model.B, model.C, 0, True)
    error -= control.ss(truth.A, truth.B, truth.C, 0, True)
    yield Case(
        "Idealized risk: the H2 norm of the error",
        "",
        order,
        "n",
        lambda: np.sqrt(risk.value(theta)),
        {"python-control": [lambda: control.norm(error, 2)]},
        {"python-control": 10.0} if order == 20 else {},
    )


def simulation_case(order: int, length: int = 2000) -> Case:
    rng = np.random.default_rng(0)
    model, inputs = system(order, rng), rng.normal(size=length)
    a, c = model.coefficients()
    numerator, denominator = np.append(0.0, c[::-1]), np.append(1.0, a)
    return Case(
        f"Outputs of a system, {length:,} time steps",
        "",
        order,
        "n",
        lambda: model.simulate(inputs[:, None]),
        {"SciPy": [lambda: lfilter(numerator, denominator, inputs)]},
        note="SciPy's filter gets the coefficients, and checks nothing.",
    )


def projection_case(order: int, points: int = 100) -> Case:
    a, angle = np.random.default_rng(0).normal(size=(points, order)), np.pi / 2
    return Case(
        f"Projection of {points} points to a cone",
        "",
        order,
        "n",
        lambda: lu.project_to_cone(a, angle),
        {"one by one": [lambda: [lu.project_to_cone(point, angle) for point in a]]},
    )


def answer_case(dim: int) -> Case:
    def value(x):
        return (x**2).sum(axis=-1)

    def gradient(x):
        return 2 * x

    def verdict():
        return float(lu.check_gradient_answer(value, gradient, dim) == "Right.")

    return Case("Check of a reader's gradient", "", dim, "dim", verdict, {}, limit=1.0)


def all_cases() -> Iterator[Case]:
    for depth in (2, 8, 32):
        for width in (2, 8, 16, 32, 64, 128, 512):
            yield gradient_case(depth, width)
    for depth, width in ((2, 2), (2, 4), (2, 8), (2, 16), (8, 2), (8, 4), (8, 8)):
        yield descent_case(depth, width)
    for depth, width in ((2, 2), (2, 4), (2, 8), (2, 16), (8, 2), (8, 4), (8, 8)):
        yield hessian_case(depth, width)
    cases = [risk_cases(order) for order in (2, 5, 10, 20, 50, 100)]
    yield from (case for pair in zip(*cases, strict=True) for case in pair)
    yield from map(simulation_case, (2, 5, 20))
    yield from map(projection_case, (2, 5, 20))
    yield from map(answer_case, (20, 200))
