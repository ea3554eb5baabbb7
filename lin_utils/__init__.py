"""The mathematics of linearized neural networks; read it as ``import lin_utils as lu``."""
# ruff: noqa: F403 (what a module exports is written once, in its own ``__all__``)

from . import figures
from .certificate import *
from .conditions import *
from .cones import *
from .deep_linear import *
from .derivatives import *
from .descent import *
from .exercises import *
from .explore import *
from .gallery import *
from .landscape import *
from .recurrent import *
from .residual import *
from .simulation import *
from .two_layer import *

__version__ = "1.0.0"

# The stars brought functions and classes of this package; `figures` stays a module of its own.
__all__ = ["figures"]
__all__ += [
    name
    for name, value in sorted(globals().items())
    if getattr(value, "__module__", "").startswith("lin_utils.")
]
