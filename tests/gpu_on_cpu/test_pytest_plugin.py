"""Of tests that every device passes, those are run that ask for one."""

from types import SimpleNamespace

import pytest


def collected(root, path, *fixtures):
    """Return an item as pytest collects it."""
    return SimpleNamespace(path=root / path, fixturenames=fixtures)


@pytest.mark.parametrize(("named", "count"), [(None, 5), ("device", 3)])
def test_only_what_uses_the_fixture_is_left_outside_of_folders_of_the_gpu(named, count, tmp_path):
    from gpu_on_cpu import pytest_plugin

    root, left_out = tmp_path / "cuda", []
    items = [
        collected(root, "tests/inspect/test_a.py", "device", "tmp_path"),
        collected(root, "tests/backends/cuda/test_b.py"),
        collected(root, "tests/gpu_on_cpu/test_c.py"),
        collected(root, "tests/backends/test_d.py", "tmp_path"),
        SimpleNamespace(path=root / "README.md"),
    ]
    config = SimpleNamespace(
        rootpath=root,
        getoption=lambda name: {"--gpu-fixture": named}[name],
        hook=SimpleNamespace(pytest_deselected=lambda items: left_out.extend(items)),
    )
    everything = list(items)
    pytest_plugin.pytest_collection_modifyitems(config, items)
    assert items == everything[:count]
    assert left_out == (everything[count:] if named else [])
