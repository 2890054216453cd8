"""The closed list of optimizers as vector instructions, and a kernel that steps a flat vector.

What each number of the settings is, in the kernel's dtype, for step t from 1:

====  ======  =============  =============  =================
slot  sgd     sgd_momentum   sgd_nesterov   adam
====  ======  =============  =============  =================
0     λ       λ              λ              λ
1     η       η              η              β₁
2             μ              μ              1 - β₁
3                            η μ            β₂
4                                           1 - β₂
5                                           1 / √(1 - β₂ᵗ)
6                                           ε
7                                           η / (1 - β₁ᵗ)
====  ======  =============  =============  =================

λ is that of an L2 penalty λ/2 ΣW², whose gradient λW is added to g, or 0; η is the learning rate.
"""

from collections.abc import Mapping

from .adam import ADAM
from .rule import UpdateRule
from .sgd import SGD, SGD_MOMENTUM, SGD_NESTEROV
from .sweep import write_sweep

RULES: Mapping[str, UpdateRule] = {
    rule.name: rule for rule in (SGD, SGD_MOMENTUM, SGD_NESTEROV, ADAM)
}
"""Each rule by its name, which is also that of its kernel."""

__all__ = ["RULES", "UpdateRule", "write_sweep"]
