"""Every way to install puts the kernels inside mlpcore and leaves the name `kernels` alone.

An editable install reads the kernels through the link, so it needs a checkout that has the link.
"""

from pathlib import Path

import pytest

pytestmark = pytest.mark.package

WHERE_THE_KERNELS_ARE = """
import importlib.util
import mlpcore, mlpcore.kernels.reference
print(mlpcore.kernels.reference.__file__)
assert importlib.util.find_spec("kernels") is None, "mlpcore installed a top-level `kernels`"
"""

# The data file is what an install without package data would lack.
DIGITS = "from mlpcore.datasets import load_digits; print(len(load_digits().t))"


def where_the_kernels_are(environment) -> Path:
    return Path(environment.run(WHERE_THE_KERNELS_ARE)).resolve()


def test_from_the_wheel(environment, wheel, package_files):
    environment.install(wheel)
    assert environment.files("mlpcore") == package_files
    assert where_the_kernels_are(environment).is_relative_to(environment.site.resolve())
    assert environment.run(DIGITS) == "1797"
    assert (environment.bin / "mlpcore").exists() or (environment.bin / "mlpcore.exe").exists()


def test_from_a_tree_without_the_link(environment, tree_without_link, package_files):
    environment.install(tree_without_link)
    assert environment.files("mlpcore") == package_files
    assert where_the_kernels_are(environment).is_relative_to(environment.site.resolve())


def test_editable(environment, tree):
    environment.install("--editable", tree)
    assert where_the_kernels_are(environment) == tree / "kernels" / "reference" / "__init__.py"
    assert environment.run(DIGITS) == "1797"


@pytest.mark.parametrize("editable", [False, True])
def test_beside_the_package_that_owns_the_name_kernels(environment, tree, wheel, editable):
    other = environment.site / "kernels" / "__init__.py"
    other.parent.mkdir()
    other.write_text("owner = 'another project'\n")
    environment.install(*(["--editable", tree] if editable else [wheel]))
    for order in ("kernels, mlpcore.kernels.reference", "mlpcore.kernels.reference, kernels"):
        assert environment.run(f"import {order}; print(kernels.owner)") == "another project"
        assert environment.run(f"import {order}; print(kernels.__file__)") == str(other)
