"""Reading PTX: the text in, a tree of declarations and instructions out."""

from .model import Block, Function, Instruction, Label, Module, Parameter, Registers, Variable
from .parser import parse
from .types import PTXType, scalar_type

__all__ = [
    "Block",
    "Function",
    "Instruction",
    "Label",
    "Module",
    "PTXType",
    "Parameter",
    "Registers",
    "Variable",
    "parse",
    "scalar_type",
]
