"""The header speaks of this machine."""

import os
import platform
import sys
from datetime import datetime
from importlib import metadata

import numpy as np

from mlpcore.bench.machine import describe


def test_the_machine_is_described():
    machine = describe(["pytest", "no-such-distribution"])
    assert machine["processor"]
    assert 1 <= machine["affinity"] <= machine["cores"] == os.cpu_count()
    assert machine["blas"].keys() == {"name", "version", "threads"}
    assert datetime.fromisoformat(machine["date"]).utcoffset() is not None


def test_versions_are_those_installed_and_null_for_what_is_not():
    versions = describe(["pytest", "no-such-distribution"])["versions"]
    assert versions["python"] == platform.python_version()
    assert versions["numpy"] == np.__version__
    assert versions["pytest"] == metadata.version("pytest")
    assert versions["no-such-distribution"] is None


def test_blas_threads_are_unknown_without_threadpoolctl(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert describe()["blas"]["threads"] is None
