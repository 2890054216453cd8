"""C functions with the signatures that CuPy's compiled modules expect, each calling into Python.

CuPy's Cython modules import one another's functions through a table of capsules; the name of a
capsule is the C signature of its function.  From the signatures this module writes one C++
function each, which packs its arguments and calls ``device.call(name, ...)``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class _CType:
    """How a C type crosses into Python and back."""

    c: str
    to_python: str
    from_python: str
    error: str
    """What Cython's functions of this type return when an exception is set."""


_TYPES = {
    "int": _CType("int", "PyLong_FromLong", "(int)PyLong_AsLong", "-1"),
    "CUdevice": _CType("int", "PyLong_FromLong", "(int)PyLong_AsLong", "-1"),
    "cudaMemcpyKind": _CType("int", "PyLong_FromLong", "(int)PyLong_AsLong", "-1"),
    "unsigned int": _CType(
        "unsigned int", "PyLong_FromUnsignedLong", "(unsigned int)PyLong_AsUnsignedLong", "0"
    ),
    "size_t": _CType("size_t", "PyLong_FromSize_t", "PyLong_AsSize_t", "0"),
    "intptr_t": _CType("intptr_t", "PyLong_FromSsize_t", "(intptr_t)PyLong_AsSsize_t", "0"),
    "PY_LONG_LONG": _CType("long long", "PyLong_FromLongLong", "PyLong_AsLongLong", "0"),
    "uintmax_t": _CType(
        "uintmax_t", "PyLong_FromUnsignedLongLong", "PyLong_AsUnsignedLongLong", "0"
    ),
    "float": _CType("float", "PyFloat_FromDouble", "(float)PyFloat_AsDouble", "0"),
}
_OBJECT = _CType("PyObject *", "keep", "", "nullptr")
_OPTIONAL = re.compile(r"struct __pyx_opt_args_\w+ \*__pyx_optional_args")
_INSTANCE = re.compile(r"struct __pyx_obj_\w+ \*")
_SKIP_DISPATCH = "int __pyx_skip_dispatch"

_HEAD = """\
#include <Python.h>
#include <stdint.h>

static PyObject *device = nullptr;
static bool finished = false;  // Python is going down: answer without calling it

// A reference that the call may consume; no object is None.
static PyObject *keep(PyObject *object) {
    PyObject *kept = object ? object : Py_None;
    Py_INCREF(kept);
    return kept;
}

extern "C" void set_device(PyObject *given) { Py_XINCREF(given); device = given; }
extern "C" void finish() { finished = true; }
"""


@dataclass(frozen=True)
class Signature:
    """The C signature of a function, as the name of its capsule spells it."""

    result: str
    arguments: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Signature | None:
        """Return the signature, or None for the capsule of a variable."""
        match = re.match(r"(.*?)\s*\((.*)\)$", text)
        if not match:
            return None
        arguments = [argument.strip() for argument in match.group(2).split(",")]
        return cls(match.group(1).strip(), tuple(a for a in arguments if a and a != "void"))


def _type(name: str) -> _CType | None:
    if name == "PyObject *" or _INSTANCE.fullmatch(name):
        return _OBJECT
    return _TYPES.get(name)


def trampoline(name: str, symbol: str, signature: Signature) -> str | None:
    """Return a C++ function that calls ``device.call(name, ...)``.

    Optional arguments of Cython come as a pointer to a structure of its own and are not passed
    on, so that the emulation uses its defaults.  None is returned for a signature with a structure
    passed by value.
    """
    result = _type(signature.result)
    if result is None:
        return None
    declared, passed = [], []
    for position, argument in enumerate(signature.arguments):
        if argument == _SKIP_DISPATCH:
            declared.append("int")
        elif _OPTIONAL.fullmatch(argument):
            declared.append("void *")
        else:
            kind = _type(argument)
            if kind is None:
                return None
            declared.append(f"{kind.c} a{position}")
            passed.append(f"{kind.to_python}(a{position})")
    call = ", ".join((f'"s{"N" * len(passed)}"', f'"{name}"', *passed))
    if result is _OBJECT:
        return f"""\
static PyObject *{symbol}({", ".join(declared)}) {{
    if (finished) Py_RETURN_NONE;
    return PyObject_CallMethod(device, "call", {call});
}}
extern "C" void *address_{symbol}() {{ return (void *){symbol}; }}
"""
    return f"""\
static {result.c} {symbol}({", ".join(declared)}) {{
    if (finished) return 0;
    PyObject *answer = PyObject_CallMethod(device, "call", {call});
    if (!answer) return {result.error};
    {result.c} value = {result.from_python}(answer);
    Py_DECREF(answer);
    return value;
}}
extern "C" void *address_{symbol}() {{ return (void *){symbol}; }}
"""


def source(functions: list[str]) -> str:
    """Return the whole C++ file."""
    return "\n".join([_HEAD, *functions])
