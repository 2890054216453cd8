"""What is inside the wheel and the sdist."""

import tarfile
import zipfile

import pytest

pytestmark = pytest.mark.package


def contents(wheel) -> dict[str, int]:
    """Map each file of a wheel, apart from its metadata, to its CRC-32."""
    with zipfile.ZipFile(wheel) as archive:
        files = archive.infolist()
    assert len({file.filename for file in files}) == len(files)
    return {f.filename: f.CRC for f in files if ".dist-info/" not in f.filename}


def test_the_wheel_holds_every_file_of_the_package_once_and_no_other(wheel, package_files):
    assert set(contents(wheel)) == package_files


def test_mlpcore_is_the_only_name_that_the_wheel_installs(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
        (metadata,) = tops - {"mlpcore"}
        assert archive.read(f"{metadata}/top_level.txt").split() == [b"mlpcore"]
    assert metadata == f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"


@pytest.mark.parametrize(
    "name",
    [
        "mlpcore/py.typed",
        "mlpcore/datasets/digits.npz",
        "mlpcore/datasets/LICENSES.md",
        "mlpcore/kernels/reference/__init__.py",
    ],
)
def test_the_wheel_holds(wheel, name):
    assert name in contents(wheel)


def test_the_wheel_carries_its_licence_and_runs_on_every_platform(wheel):
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        (licence,) = (n for n in archive.namelist() if n.endswith(".dist-info/licenses/LICENSE"))
        assert archive.read(licence).startswith(b"BSD 3-Clause License")
        (metadata,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        assert b"License-Expression: BSD-3-Clause\n" in archive.read(metadata)


def test_the_sdist_holds_the_kernels_as_real_files(sdist, package_files):
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
    assert all(member.isfile() or member.isdir() for member in members)
    names = [member.name.partition("/")[2] for member in members if member.isfile()]
    assert len(set(names)) == len(names)
    kernels = "mlpcore/kernels/"
    for name in package_files:
        assert (name.removeprefix("mlpcore/") if name.startswith(kernels) else name) in names
    assert not any(name.startswith(kernels) for name in names)
    assert {"LICENSE", "README.md", "pyproject.toml"} <= set(names)


def test_the_sdist_holds_the_tests(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert "tests/package/test_distributions.py" in names


def test_the_wheel_built_from_the_sdist_is_the_one_built_from_the_tree(wheel, wheel_of_sdist):
    assert wheel.name == wheel_of_sdist.name
    assert contents(wheel) == contents(wheel_of_sdist)
