"""Distributions built from a copy of this tree, and empty environments to install them in.

Nothing here needs a network: builds use the setuptools of the `test` extra, and installed packages
find NumPy and Numba in the environment that runs the tests.
"""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

import pytest
import setuptools

ROOT = Path(__file__).parents[2]
SOURCES = ["pyproject.toml", "README.md", "LICENSE", "MANIFEST.in", "mlpcore", "kernels", "tests"]
LINK = Path("mlpcore", "kernels")


def call(*command: object, cwd: Path) -> str:
    """Run a command that must succeed, away from this tree and its settings; return its output."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MLPCORE"))}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Environment(NamedTuple):
    """A virtual environment without pip, which sees the packages of the tests' own one last."""

    home: Path

    @property
    def bin(self) -> Path:
        return self.home / ("Scripts" if os.name == "nt" else "bin")

    @property
    def site(self) -> Path:
        return Path(self.run("import sysconfig; print(sysconfig.get_path('purelib'))"))

    def run(self, code: str) -> str:
        """Run a program and return what it printed."""
        return call(self.bin / "python", "-c", code, cwd=self.home).strip()

    def install(self, *what: object) -> None:
        """Install one thing and nothing that it depends on."""
        options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
        # Else pip would leave a wheel out whose version the tests' own environment has already.
        options += ["--ignore-installed", "--no-warn-script-location"]
        pip = [sys.executable, "-m", "pip", "--python", self.bin / "python", "install"]
        call(*pip, *options, *what, cwd=self.home)

    def files(self, package: str) -> set[str]:
        """List an installed package's files, relative to site-packages, without byte code."""
        site = self.site  # asks a process
        return {
            path.relative_to(site).as_posix()
            for path in (site / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }


@pytest.fixture
def environment(tmp_path) -> Environment:
    made = Environment(tmp_path / "environment")
    venv.create(made.home, with_pip=False)
    # A path in a .pth file is searched last, and its own .pth files (editable installs) are not.
    (made.site / "tests.pth").write_text("\n".join(p for p in sys.path if "site-packages" in p))
    return made


@pytest.fixture(scope="session")
def tree(tmp_path_factory) -> Path:
    """A checkout with the link mlpcore/kernels, as git makes it."""
    if int(setuptools.__version__.split(".")[0]) < 77:
        pytest.fail(f"setuptools {setuptools.__version__} is too old: pip install -e '.[test]'")
    copy = tmp_path_factory.mktemp("tree")
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(params=["lost", "text"])
def tree_without_link(tree, tmp_path, request) -> Path:
    """A checkout in which the link is lost, or is a text file, as zips and Windows leave it."""
    copy = tmp_path / "unlinked"
    shutil.copytree(tree, copy, symlinks=True)
    (copy / LINK).unlink()
    if request.param == "text":
        (copy / LINK).write_text("../kernels")
    return copy


def build(kind: str, tree: Path, into: Path) -> Path:
    """Build from a copy of `tree`, since setuptools leaves its traces beside the sources."""
    source = shutil.copytree(tree, into / "source", symlinks=True)
    arguments = ["--no-isolation", f"--{kind}", "--outdir", into / "dist", source]
    call(sys.executable, "-m", "build", *arguments, cwd=into)
    (built,) = (into / "dist").iterdir()
    return built


@pytest.fixture(scope="session")
def wheel(tree, tmp_path_factory) -> Path:
    return build("wheel", tree, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(tree, tmp_path_factory) -> Path:
    return build("sdist", tree, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session")
def tree_of_sdist(sdist, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    shutil.unpack_archive(sdist, folder, filter="data")
    (top,) = folder.iterdir()
    return top


@pytest.fixture(scope="session")
def wheel_of_sdist(tree_of_sdist, tmp_path_factory) -> Path:
    return build("wheel", tree_of_sdist, tmp_path_factory.mktemp("wheel-of-sdist"))


@pytest.fixture(scope="session")
def package_files(tree) -> set[str]:
    """Every file of the package on disk, by the name it must have when installed."""
    own = {path.relative_to(tree) for path in (tree / "mlpcore").rglob("*") if path.is_file()}
    own = {path for path in own if path.parts[:2] != LINK.parts}
    kernels = {path.relative_to(tree) for path in (tree / "kernels").rglob("*") if path.is_file()}
    return {path.as_posix() for path in own} | {f"mlpcore/{path.as_posix()}" for path in kernels}
