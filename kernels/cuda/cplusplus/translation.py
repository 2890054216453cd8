"""Formulas of one number, which are Python functions, written out in CUDA C++.

The kernels of numba-cuda compile the functions of `kernels.cuda.activations` themselves; kernels in
C++ get them through this translation, so that each formula is written once.  In C++ the type of a
number is called ``real``, and a float of Python becomes a literal of that type, digit for digit.
"""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from collections.abc import Callable
from types import FunctionType
from typing import Any

from ..formulas import fused, normal_cdf

_LIBRARY: dict[Callable[..., Any], str] = {
    abs: "fabs",
    fused: "fma",
    normal_cdf: "normcdf",
    **{getattr(math, name): name for name in ("cos", "exp", "expm1", "log1p", "sin", "tanh")},
    math.isinf: "isinf",
}
"""What CUDA's mathematical library calls a function; it has each for float and for double."""

_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
}


def literal(number: float) -> str:
    """Return a literal of type ``real`` that is `number`, rounded to it."""
    return f"real({float(number).hex()})"


class Subroutines:
    """Device functions, each written once however often it is asked for.

    Attributes
    ----------
    text : str
        The functions so far; each after those that it calls.
    """

    def __init__(self) -> None:
        self._names: dict[FunctionType, str] = {}
        self.text = ""

    def name_of(self, formula: Callable[..., Any]) -> str:
        """Return the name in C++ of `formula`, after writing it if it is new.

        Parameters
        ----------
        formula : callable
            A Python function of floats that returns a float, made of arithmetic, comparisons,
            ``if``, assignments and calls of such functions.

        Raises
        ------
        TypeError
            If it is made of something else.
        """
        if formula in _LIBRARY:
            return _LIBRARY[formula]
        if not isinstance(formula, FunctionType):
            raise TypeError(f"{formula!r} is not known in C++")
        if formula not in self._names:
            module = formula.__module__.rpartition(".")[2]
            self._names[formula] = f"{module}_{formula.__name__.lstrip('_')}"
            text = _Writer(self, formula).function(self._names[formula])
            self.text += text  # what it calls has come before
        return self._names[formula]


class _Writer:
    """Writes one function."""

    def __init__(self, subroutines: Subroutines, formula: FunctionType) -> None:
        self._subroutines = subroutines
        self._formula = formula
        (self._tree,) = ast.parse(textwrap.dedent(inspect.getsource(formula))).body
        self._local: set[str] = set()

    def function(self, name: str) -> str:
        tree = self._tree
        if not isinstance(tree, ast.FunctionDef):
            raise self._unknown(tree)
        parameters = [argument.arg for argument in tree.args.args]
        self._local.update(parameters)
        head = ", ".join(f"real {parameter}" for parameter in parameters)
        body = self._block(tree.body, "    ")
        return f"__device__ __forceinline__ real {name}({head}) {{\n{body}}}\n\n"

    def _block(self, statements: list[ast.stmt], indent: str) -> str:
        return "".join(self._statement(statement, indent) for statement in statements)

    def _statement(self, node: ast.stmt, indent: str) -> str:
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                return ""  # a docstring
            case ast.Return(value=ast.expr() as value):
                return f"{indent}return {self._number(value)};\n"
            case ast.If(test=test, body=body, orelse=orelse):
                inner = indent + "    "
                text = f"{indent}if ({self._condition(test)}) {{\n{self._block(body, inner)}"
                if orelse:
                    text += f"{indent}}} else {{\n{self._block(orelse, inner)}"
                return text + f"{indent}}}\n"
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return self._assignment(name, value, indent)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                fresh = [n.id for n in names if isinstance(n, ast.Name) and n.id not in self._local]
                if len(fresh) == len(values):  # else one could read what another changes
                    pairs = zip(fresh, values, strict=True)
                    return "".join(self._assignment(n, v, indent) for n, v in pairs)
        raise self._unknown(node)

    def _assignment(self, name: str, value: ast.expr, indent: str) -> str:
        kind = "" if name in self._local else "real "
        text = f"{indent}{kind}{name} = {self._number(value)};\n"
        self._local.add(name)
        return text

    def _number(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=float() as value):
                return literal(value)
            case ast.Name(id=name):
                return name if name in self._local else self._constant(node, name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"(-{self._number(operand)})"
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                return f"({self._number(left)} {_ARITHMETIC[type(op)]} {self._number(right)})"
            case ast.IfExp(test=test, body=body, orelse=orelse):
                condition = self._condition(test)
                return f"({condition} ? {self._number(body)} : {self._number(orelse)})"
            case ast.Call():
                return self._call(node)
        raise self._unknown(node)

    def _condition(self, node: ast.expr) -> str:
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
                return f"({self._number(left)} {_COMPARISONS[type(op)]} {self._number(right)})"
            case ast.BoolOp(op=op, values=values):
                sign = " || " if isinstance(op, ast.Or) else " && "
                return "(" + sign.join(map(self._condition, values)) + ")"
            case ast.Call():
                return self._call(node)
        raise self._unknown(node)

    def _call(self, node: ast.Call) -> str:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise self._unknown(node)
        scope = self._formula.__globals__
        function = abs if node.func.id == "abs" else scope[node.func.id]
        arguments = ", ".join(map(self._number, node.args))
        return f"{self._subroutines.name_of(function)}({arguments})"

    def _constant(self, node: ast.expr, name: str) -> str:
        value = self._formula.__globals__.get(name)
        if not isinstance(value, float):
            raise self._unknown(node)
        return literal(value)

    def _unknown(self, node: ast.AST) -> TypeError:
        what = ast.unparse(node)
        return TypeError(f"{self._formula.__qualname__}: cannot write {what!r} in C++")
