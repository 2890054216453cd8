"""Imports point down the list of layers only; the sources are read, nothing is run."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

# From the user down.  A module may import what stands below it, or on its own line.  A layer
# that is no folder may have further files whose names begin with its own: _device_errors.
LAYERS = [
    "__main__",
    "cli",
    "selfcheck",
    "bench",
    "sklearn",
    "model",
    "frozen",
    "prediction",
    "functional",
    "training callbacks",
    "inspect",
    "optim",
    "io",
    "datasets",
    "passes",
    "batch",
    "backends",
    "nn",
    "program",  # lowers a network, so it stands above it
    "network",
    "device _driver",
    "cached checks lazy_imports names randomness signals warn",
    "kernels",
]
HEIGHT = {name: -depth for depth, line in enumerate(LAYERS) for name in line.split()}

# Which modules may name a package that is not there on every machine, or is slow to import.
CONFINED = {
    "cupy": r"mlpcore\.(device|_driver|(backends|kernels)\.cuda(\..*)?)",
    "cupyx": r"mlpcore\.(backends|kernels)\.cuda(\..*)?",
    "numba": r"mlpcore\.(backends|kernels)(\..*)?",
    "llvmlite": r"mlpcore\.(backends|kernels)(\..*)?",
}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), path)


class Source(NamedTuple):
    """One file, under the name it is imported by."""

    module: str
    path: Path

    @property
    def tree(self) -> ast.Module:
        return parsed(self.path)

    @property
    def layer(self) -> str:
        return layer_of(self.module)

    @property
    def package(self) -> str:
        """What a relative import in this file starts from."""
        return self.module if self.path.stem == "__init__" else self.module.rpartition(".")[0]


def layer_of(name: str) -> str:
    layer = name.split(".")[1]
    prefix = layer.removeprefix("_").partition("_")[0]
    return prefix if layer not in HEIGHT and prefix in HEIGHT else layer


def sources(folder: Path, prefix: str) -> list[Source]:
    found = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if prefix == "mlpcore" and parts[0] == "kernels":
            continue  # through the link: these come from kernels/ itself
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        found.append(Source(".".join([prefix, *parts]), path))
    return found


PACKAGE = sources(ROOT / "mlpcore", "mlpcore")
KERNELS = sources(ROOT / "kernels", "mlpcore.kernels")
LIBRARY = [s for s in PACKAGE if s.module != "mlpcore"] + KERNELS
OTHERS = [s for name in ("tests", "ci", "benchmarks") for s in sources(ROOT / name, name)]

each_library_file = pytest.mark.parametrize("source", LIBRARY, ids=lambda s: s.module)
each_file = pytest.mark.parametrize("source", [*PACKAGE, *KERNELS, *OTHERS], ids=lambda s: s.module)


TYPES_ONLY = {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def statements(tree: ast.AST, *, runtime: bool) -> Iterator[ast.AST]:
    """Walk through a tree; at runtime without what only a type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.expr):
            continue
        if runtime and isinstance(node, ast.If) and ast.unparse(node.test) in TYPES_ONLY:
            for other in node.orelse:
                yield other
                yield from statements(other, runtime=True)
            continue
        yield node
        yield from statements(node, runtime=runtime)


def imports(tree: ast.AST, package: str, *, runtime: bool = False) -> list[str]:
    """Name in full everything that is imported, also inside functions or at first use.

    ``from a import b`` counts as ``a.b``: whether b is a module is not written in the source.
    """
    found = []
    for node in statements(tree, runtime=runtime):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = ".".join([*(parts if node.level else []), *filter(None, [node.module])])
            found += [f"{base}.{name.name}" for name in node.names]
        elif isinstance(node, ast.Assign):
            match node.value:
                case ast.Call(ast.Name("lazy_module"), [ast.Constant(name)]):
                    found.append(name)
    return found


def belongs(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


def test_every_module_is_in_the_list_of_layers():
    assert {source.layer for source in LIBRARY} <= HEIGHT.keys()


@each_library_file
def test_imports_point_down(source):
    for name in imports(source.tree, source.package, runtime=True):
        if belongs(name, "mlpcore"):
            layer = layer_of(name)
            assert layer in HEIGHT, f"{name}: import it from the module that defines it"
            assert HEIGHT[layer] <= HEIGHT[source.layer], f"{source.module} imports {name}"


@pytest.mark.parametrize("source", KERNELS, ids=lambda s: s.module)
def test_kernels_know_nothing_of_mlpcore(source):
    """Not even for types, and siblings by relative imports: the folder stands alone."""
    for node in statements(source.tree, runtime=False):
        if isinstance(node, ast.ImportFrom) and node.level:
            (base,) = {name.rpartition(".")[0] for name in imports_of(node, source.package)}
            assert belongs(base, "mlpcore.kernels"), f"line {node.lineno} leaves kernels"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            assert not any(belongs(n, "mlpcore") for n in imports_of(node, source.package))


def imports_of(node: ast.stmt, package: str) -> list[str]:
    return imports(ast.Module([node], []), package)


@pytest.mark.parametrize("name", CONFINED)
def test_is_imported_only_where_it_may_be(name):
    importers = [
        source.module
        for source in [*PACKAGE, *KERNELS]
        if any(belongs(found, name) for found in imports(source.tree, source.package))
    ]
    strangers = [module for module in importers if not re.fullmatch(CONFINED[name], module)]
    assert strangers == []


def is_reexport(node: ast.stmt) -> bool:
    """Tell whether a statement names or imports things rather than defining them."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(ast.Constant(str())):
            return True
        case ast.Assign([ast.Name("__all__" | "__version__")]):
            return True
        case ast.Assign([ast.Tuple([ast.Name("__getattr__"), ast.Name("__dir__")])]):
            return True  # names imported at first use
        case ast.If(ast.Name("TYPE_CHECKING"), body, []):
            return all(is_reexport(inner) for inner in body)
    return False


def test_the_top_defines_nothing():
    (top,) = (source for source in PACKAGE if source.module == "mlpcore")
    definitions = [ast.unparse(node) for node in top.tree.body if not is_reexport(node)]
    assert definitions == []


@each_file
def test_the_kernels_have_one_name(source):
    """A second module object under the name `kernels` would belong to the other project."""
    assert not any(belongs(name, "kernels") for name in imports(source.tree, source.package))


@each_file
def test_names_no_path_of_one_machine(source):
    text = source.path.read_text("utf-8")
    # a checkout or a home folder; system folders such as /sys and /proc are the same everywhere
    place = re.search(r"(?<![\w.*])/(home|Users|root|work|workspace|mnt)/\w[^\s\"']*", text)
    assert place is None, place


SNIPPET = """
from typing import TYPE_CHECKING
import a.b as c, numpy
from . import d
from ..e import f
if TYPE_CHECKING:
    from hidden import g
else:
    import shown
    used = lazy_module("k.l")
def later():
    from h.i import j
"""


def test_the_reader_of_imports_reads_all_forms():
    names = imports(ast.parse(SNIPPET), "top.inner", runtime=True)
    expected = "a.b h.i.j k.l numpy shown top.e.f top.inner.d typing.TYPE_CHECKING"
    assert sorted(names) == expected.split()
    assert "hidden.g" in imports(ast.parse(SNIPPET), "top.inner")
