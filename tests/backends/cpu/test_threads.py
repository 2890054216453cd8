"""The default number of threads is the least of what the system and the user allow."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlpcore.backends.cpu import threads

ROOT = Path(__file__).parents[3]


class CgroupTree:
    """A cgroup file system in a folder, with the file that says where this process is in it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "cgroup"
        self.membership = folder / "membership"
        self.root.mkdir()
        self.membership.write_text("")

    def v2(self, path: str, limits: dict[str, str], mount: str = "") -> None:
        self._enter(f"0::{path}\n", self.root / mount)
        for cgroup, limit in limits.items():
            self._write(self.root / mount, cgroup, {"cpu.max": limit})

    def v1(
        self,
        path: str,
        limits: dict[str, tuple[int, int]],
        controllers: str = "cpu,cpuacct",
        mount: str | None = None,
    ) -> None:
        folder = self.root / (controllers if mount is None else mount)
        self._enter(f"4:{controllers}:{path}\n", folder)
        for cgroup, (quota, period) in limits.items():
            files = {"cpu.cfs_quota_us": str(quota), "cpu.cfs_period_us": str(period)}
            self._write(folder, cgroup, files)

    def _enter(self, line: str, mount: Path) -> None:
        self.membership.write_text(self.membership.read_text() + line)
        mount.mkdir(exist_ok=True)
        (mount / "cgroup.procs").write_text("1\n")

    @staticmethod
    def _write(mount: Path, cgroup: str, files: dict[str, str]) -> None:
        folder = mount / cgroup.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text + "\n")

    @property
    def quota(self) -> int | None:
        return threads.cgroup_quota(self.root, self.membership)


@pytest.fixture
def tree(tmp_path):
    return CgroupTree(tmp_path)


@pytest.fixture
def eight_cpus(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("limit", "cpus"),
    [
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("100001 100000", 2),
        ("25000 100000", 1),
        ("1000 1000000", 1),
        ("max 100000", None),
        ("", None),
        ("garbage", None),
        ("0 0", None),
    ],
)
def test_a_v2_quota_is_rounded_up(tree, limit, cpus):
    tree.v2("/job", {"/job": limit})
    assert tree.quota == cpus


@pytest.mark.parametrize(
    ("quota", "period", "cpus"), [(250_000, 100_000, 3), (50_000, 100_000, 1), (-1, 100_000, None)]
)
@pytest.mark.parametrize("controllers", ["cpu", "cpu,cpuacct", "cpuacct,cpu"])
def test_a_v1_quota_is_rounded_up(tree, controllers, quota, period, cpus):
    tree.v1("/job", {"/job": (quota, period)}, controllers)
    assert tree.quota == cpus


def test_the_least_quota_of_all_ancestors_holds(tree):
    limits = {"/": "max 100000", "/pod": "300000 100000", "/pod/box": "max 100000"}
    tree.v2("/pod/box", limits)
    assert tree.quota == 3
    tree.v2("/pod/box", {"/pod/box": "150000 100000"})
    assert tree.quota == 2


def test_the_least_quota_of_all_ancestors_holds_in_v1(tree):
    tree.v1("/a/b", {"/": (-1, 100_000), "/a": (200_000, 100_000), "/a/b": (900_000, 100_000)})
    assert tree.quota == 2


def test_a_quota_of_another_cgroup_does_not_matter(tree):
    tree.v2("/job", {"/job": "400000 100000", "/other": "100000 100000"})
    assert tree.quota == 4


def test_other_controllers_of_v1_do_not_matter(tree):
    tree.v1("/", {"/": (100_000, 100_000)}, controllers="cpuset,cpuacct")
    assert tree.quota is None


def test_a_container_that_sees_its_own_cgroup_as_root_under_the_hosts_path(tree):
    tree.v1("/docker/0123abcd", {"/": (200_000, 100_000)})
    assert tree.quota == 2


def test_a_cgroup_nested_in_such_a_container(tree):
    tree.v2("/docker/0123abcd/init", {"/": "400000 100000", "/init": "300000 100000"})
    assert tree.quota == 3


def test_a_cgroup_outside_the_namespace_counts_by_the_root_alone(tree):
    tree.v2("/../sibling", {"/": "200000 100000", "/sibling": "100000 100000"})
    assert tree.quota == 2


def test_a_hybrid_system_is_bound_by_both_versions(tree):
    tree.v1("/job", {"/job": (300_000, 100_000)}, controllers="cpu", mount="cpu")
    tree.v2("/job", {"/job": "200000 100000"}, mount="unified")
    assert tree.quota == 2


def test_a_v1_mount_may_be_reached_by_its_short_name(tree):
    tree.v1("/job", {"/job": (200_000, 100_000)}, controllers="cpu,cpuacct", mount="cpu")
    assert tree.quota == 2


def test_a_system_without_cgroups_sets_no_quota(tmp_path):
    assert threads.cgroup_quota(tmp_path / "none", tmp_path / "neither") is None


def test_a_mount_without_its_membership_file_sets_no_quota(tree):
    tree.v2("/", {"/": "100000 100000"})
    assert threads.cgroup_quota(tree.root, tree.root / "missing") is None


def test_the_real_system_answers():
    assert 1 <= threads.default_num_threads({}) <= threads.affinity_count()


@contextlib.contextmanager
def new_cgroup(quota, period):
    """Give a real cgroup, of version 2 or 1, with that quota; both are in microseconds."""
    for mount in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*cpu*")):
        folder = mount / f"mlpcore-test-{os.getpid()}"
        with contextlib.suppress(OSError):
            folder.mkdir()
        if limit(folder, quota, period):
            break
        with contextlib.suppress(OSError):
            folder.rmdir()
    else:
        pytest.skip("no cgroup with a quota can be made: it takes root and the cpu controller")
    try:
        yield folder
    finally:
        folder.rmdir()


def limit(cgroup, quota, period):
    """Set the quota of a cgroup; return whether that was possible."""
    try:
        if (cgroup / "cpu.max").exists():
            (cgroup / "cpu.max").write_text(f"{quota} {period}")
            return True
        if (cgroup / "cpu.cfs_quota_us").exists():
            (cgroup / "cpu.cfs_period_us").write_text(str(period))
            (cgroup / "cpu.cfs_quota_us").write_text(str(quota))
            return True
    except OSError:
        pass
    return False


@pytest.mark.parametrize(("quota", "cpus"), [(50_000, 1), (150_000, 2), (350_000, 4)])
def test_a_process_in_a_real_cgroup_finds_its_quota(quota, cpus):
    ask = "from mlpcore.backends.cpu.threads import cgroup_quota; print(cgroup_quota())"
    enter = "import os, sys; open(sys.argv[1] + '/cgroup.procs', 'w').write(str(os.getpid())); "
    with new_cgroup(quota, 100_000) as folder:
        command = [sys.executable, "-c", enter + ask, str(folder)]
        found = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
        )
        assert (found.stdout, found.stderr) == (f"{cpus}\n", "")


def test_the_affinity_mask_counts_where_there_is_one(eight_cpus):
    assert threads.affinity_count() == 8


def test_all_cpus_count_where_there_is_no_affinity_mask(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert threads.affinity_count() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert threads.affinity_count() == 1


@pytest.mark.parametrize(
    ("limit", "environ", "least"),
    [
        ("max 100000", {}, 8),
        ("300000 100000", {}, 3),
        ("1600000 100000", {}, 8),
        ("max 100000", {"NUMBA_NUM_THREADS": "5"}, 5),
        ("max 100000", {"MLPCORE_NUM_THREADS": "4"}, 4),
        ("max 100000", {"MLPCORE_NUM_THREADS": "64"}, 8),
        ("max 100000", {"NUMBA_NUM_THREADS": "2", "MLPCORE_NUM_THREADS": "4"}, 2),
        ("300000 100000", {"NUMBA_NUM_THREADS": "5", "MLPCORE_NUM_THREADS": "4"}, 3),
        ("300000 100000", {"NUMBA_NUM_THREADS": " ", "MLPCORE_NUM_THREADS": ""}, 3),
        ("max 100000", {"MLPCORE_NUM_THREADS": " 1 "}, 1),
    ],
)
def test_the_least_bound_wins(tree, eight_cpus, limit, environ, least):
    tree.v2("/", {"/": limit})
    n = threads.default_num_threads(environ, cgroup_root=tree.root, membership=tree.membership)
    assert n == least


def test_the_environment_is_read_at_each_call(monkeypatch):
    for name in threads.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    unbounded = threads.default_num_threads()
    monkeypatch.setenv("MLPCORE_NUM_THREADS", "1")
    assert threads.default_num_threads() == 1
    monkeypatch.delenv("MLPCORE_NUM_THREADS")
    assert threads.default_num_threads() == unbounded


@pytest.mark.parametrize("name", threads.VARIABLES)
@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "1e3", "+2", "1_0", "٣", "9" * 5000])
def test_an_invalid_value_is_an_error_that_names_variable_and_value(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be a whole number .* got '") as caught:
        threads.default_num_threads({name: value})
    assert value in str(caught.value)
