"""The scalar types of PTX and the C++ types that hold them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PTXType:
    """One scalar type such as ``u32``, ``f64`` or ``pred``.

    Registers are held as unsigned integers of the same width, because PTX lets the same bits be
    read as integer and as float; `value` is the type in which arithmetic on them is done.
    """

    name: str
    kind: str
    """``u``, ``s``, ``b`` (untyped bits), ``f`` or ``pred``."""
    size: int
    """Bytes."""
    bits_type: str
    """C++ type of the raw bits."""
    value_type: str
    """C++ type in which the value is computed."""

    @property
    def bits(self) -> int:
        """Width in bits."""
        return 8 * self.size

    @property
    def is_float(self) -> bool:
        """Whether arithmetic on the type is floating point."""
        return self.kind == "f"

    @property
    def is_signed(self) -> bool:
        """Whether the type is a signed integer."""
        return self.kind == "s"


def _make_types() -> dict[str, PTXType]:
    types = {"pred": PTXType("pred", "pred", 1, "bool", "bool")}
    for size in (1, 2, 4, 8):
        raw = f"u{8 * size}"
        for kind in "usb":
            name = f"{kind}{8 * size}"
            types[name] = PTXType(name, kind, size, raw, f"s{8 * size}" if kind == "s" else raw)
    types["f16"] = PTXType("f16", "f", 2, "u16", "float")
    types["f32"] = PTXType("f32", "f", 4, "u32", "float")
    types["f64"] = PTXType("f64", "f", 8, "u64", "double")
    return types


TYPES = _make_types()

INTEGERS = frozenset(t for t in TYPES if t[0] in "us")
BITS = frozenset(t for t in TYPES if t[0] == "b")
FLOATS = frozenset({"f32", "f64"})
HALF = frozenset({"f16"})
PREDICATE = frozenset({"pred"})

#: Types that PTX knows and this package does not emulate: named so that they are recognised as
#: types and refused, and not mistaken for modifiers.
FOREIGN = frozenset(
    [
        "b128",
        "f16x2",
        "bf16",
        "bf16x2",
        "tf32",
        "e4m3",
        "e5m2",
        "e4m3x2",
        "e5m2x2",
        "e2m1x2",
        "e2m3x2",
        "e3m2x2",
        "ue8m0x2",
        "f32x2",
        "u16x2",
        "s16x2",
        "u8x4",
        "s8x4",
    ]
)


def scalar_type(name: str) -> PTXType:
    """Return the type called `name`; raise `KeyError` for one that is not emulated."""
    return TYPES[name]
