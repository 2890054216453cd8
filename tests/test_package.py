"""The package as it lies on disk, against what pyproject.toml and its own metadata say of it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import mlpcore

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def package_folders() -> set[str]:
    """Name every folder that holds modules, by the path it is imported from."""
    found = {"mlpcore.kernels"}  # has no module of its own
    for top, prefix in (("mlpcore", "mlpcore"), ("kernels", "mlpcore.kernels")):
        for module in (ROOT / top).rglob("*.py"):
            relative = module.parent.relative_to(ROOT / top)
            if relative.parts[:1] != ("kernels",):  # reached through the link in mlpcore/
                found.add(".".join([prefix, *relative.parts]))
    return found


def test_pyproject_lists_every_package_folder_and_no_other():
    packages = PYPROJECT["tool"]["setuptools"]["packages"]
    assert packages == sorted(packages)
    assert set(packages) == package_folders()


def test_every_package_folder_is_a_regular_package_except_kernels():
    tops = {"mlpcore": "mlpcore", "mlpcore.kernels": "kernels"}
    for package in package_folders():
        top = max((name for name in tops if f"{package}.".startswith(f"{name}.")), key=len)
        rest = package.removeprefix(top).split(".")[1:]
        initialiser = ROOT.joinpath(tops[top], *rest, "__init__.py")
        # With one at its top, kernels/ would hide the other project's package from anyone here.
        assert initialiser.is_file() == (package != "mlpcore.kernels"), initialiser


def test_the_link_leads_to_the_kernels():
    link = ROOT / "mlpcore" / "kernels"
    if not link.is_symlink():
        pytest.skip("this checkout has no symbolic links")
    assert link.readlink() == Path("..", "kernels")


def test_the_version_is_the_one_that_is_published():
    assert mlpcore.__version__ == PYPROJECT["project"]["version"]


def test_every_supported_python_is_named():
    classifiers = PYPROJECT["project"]["classifiers"]
    named = [c.split(" :: ")[-1] for c in classifiers if ":: Python :: 3." in c]
    assert named == ["3.11", "3.12", "3.13", "3.14"]
    assert PYPROJECT["project"]["requires-python"] == ">=3.11,<3.15"


def test_the_data_that_ships_is_named_as_package_data():
    data = PYPROJECT["tool"]["setuptools"]["package-data"]
    for folder in ("mlpcore", "kernels"):
        for file in (ROOT / folder).rglob("*"):
            if file.is_dir() or file.suffix in {".py", ".pyc"} or file.is_symlink():
                continue
            package = ".".join(file.parent.relative_to(ROOT).parts)
            package = package if folder == "mlpcore" else f"mlpcore.{package}"
            assert any(file.match(pattern) for pattern in data.get(package, [])), file


@pytest.mark.parametrize("heavy", ["numba", "llvmlite", "cupy", "scipy", "kernels"])
def test_importing_mlpcore_does_not_import(heavy):
    program = "import sys, mlpcore; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert heavy not in done.stdout.split()
    assert "mlpcore" in done.stdout.split()
