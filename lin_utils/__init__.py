"""Tools for the geometry of linearized neural networks; read it as ``import lin_utils as lu``."""

from . import figures
from .certificate import Certificate, certify, certify_equal
from .conditions import (
    GradientCheck,
    check_gradient,
    classify,
    polyak_factor,
    polyak_rate,
    polyak_ratio,
    smooth_weak_quasi_convex_rate,
    weak_quasi_convex_rate,
    weak_quasi_convexity_ratio,
)
from .deep_linear import DeepLinear
from .descent import Trajectory, gradient_descent, stochastic_gradient_descent
from .exercises import check_answer, check_gradient_answer
from .explore import explore
from .gallery import averaging_trap, circle_well, log_bowl, quartic, two_minima_ridge, wavy_bowl
from .landscape import Landscape, Smooth
from .recurrent import (
    FiniteRisk,
    IdealizedRisk,
    LinearRNN,
    cone_angle,
    extend,
    idealized_risk,
    project_to_cone,
    random_system,
    sequence_gradient,
    weak_quasi_convexity_constant,
)
from .residual import Residual, near_identity_bound, near_identity_factors

__all__ = [
    "Certificate",
    "DeepLinear",
    "FiniteRisk",
    "GradientCheck",
    "IdealizedRisk",
    "Landscape",
    "LinearRNN",
    "Residual",
    "Smooth",
    "Trajectory",
    "averaging_trap",
    "certify",
    "certify_equal",
    "check_answer",
    "check_gradient",
    "check_gradient_answer",
    "circle_well",
    "classify",
    "cone_angle",
    "explore",
    "extend",
    "figures",
    "gradient_descent",
    "idealized_risk",
    "log_bowl",
    "near_identity_bound",
    "near_identity_factors",
    "polyak_factor",
    "polyak_rate",
    "polyak_ratio",
    "project_to_cone",
    "quartic",
    "random_system",
    "sequence_gradient",
    "smooth_weak_quasi_convex_rate",
    "stochastic_gradient_descent",
    "two_minima_ridge",
    "wavy_bowl",
    "weak_quasi_convex_rate",
    "weak_quasi_convexity_constant",
    "weak_quasi_convexity_ratio",
]
