"""From PTX text to a `Module`.

The grammar is that of the PTX ISA reference, as far as compilers use it: directives at the top,
functions whose bodies are statements ended by semicolons, nested scopes in braces.
"""

from __future__ import annotations

import re

from ..errors import PTXSyntaxError, UnsupportedPTXError
from .declarations import parse_parameters, parse_registers, parse_variable
from .model import Block, BranchTargets, Function, Instruction, Label, Module
from .reader import Reader, strip_comments

_IGNORED_LINE = re.compile(r"\.(version|target|address_size|file|loc)\b[^\n]*")
_IGNORED_STATEMENT = re.compile(r"\.pragma\b[^;]*;")
_SECTION = re.compile(r"\.section\b[^{]*\{[^}]*\}")
_FUNCTION = re.compile(
    r"(?:\.(?:visible|weak|extern|common)\s+)*\.(entry|func)\b\s*(?:\.noreturn\b\s*)?"
)
_NAME = re.compile(r"[\w$%]+")
_LABEL = re.compile(r"([\w$]+)\s*:(?!:)")
_MAX_THREADS = re.compile(r"\.(?:maxntid|reqntid)\s+([\d,\s]+)")
_GUARD = re.compile(r"@(!?)(%?[\w$]+)\s+")
_OPCODE = re.compile(r"([\w.:]+)\s*")
_VARIABLE_SPACES = (".global", ".const", ".shared", ".local", ".param")


def parse(text: str) -> Module:
    """Parse PTX `text`.

    Raises
    ------
    PTXSyntaxError
        For text that does not follow the grammar; the message names the line.
    UnsupportedPTXError
        For a directive or a type that this package does not emulate.
    """
    reader = Reader(strip_comments(text))
    module = Module()
    while not reader.at_end():
        if reader.skip(_IGNORED_LINE) or reader.skip(_SECTION) or reader.skip(_IGNORED_STATEMENT):
            continue
        if reader.looking_at(_FUNCTION):
            function = _parse_function(reader)
            known = module.functions.get(function.name)
            if known is None or known.body is None:
                module.functions[function.name] = function
            continue
        line = reader.line
        module.variables.append(parse_variable(reader.until(";"), line))
    return module


def _parse_function(reader: Reader) -> Function:
    line = reader.line
    is_entry = reader.expect(_FUNCTION, "a function").group(1) == "entry"
    returns = parse_parameters(reader.parenthesised(), line) if reader.peek("(") else []
    name = reader.expect(_NAME, "a function name").group()
    parameters = parse_parameters(reader.parenthesised(), line) if reader.peek("(") else []
    attributes = reader.until_any("{;")
    match = _MAX_THREADS.search(attributes)
    max_threads = None
    if match:
        max_threads = 1
        for extent in match.group(1).split(","):
            max_threads *= int(extent)
    body = None
    if reader.take("{"):
        body = _parse_block(reader)
    elif not reader.take(";"):
        raise PTXSyntaxError(f"PTX line {line}: function {name} has neither body nor semicolon")
    return Function(name, is_entry, parameters, returns, body, max_threads, line)


def _parse_block(reader: Reader) -> Block:
    """Parse statements up to the brace that closes the block, which has been opened."""
    block = Block(line=reader.line)
    while True:
        if reader.at_end():
            raise PTXSyntaxError(f"PTX line {block.line}: the scope opened here is never closed")
        if reader.take("}"):
            return block
        if reader.take("{"):
            block.statements.append(_parse_block(reader))
        elif reader.skip(_IGNORED_LINE) or reader.skip(_IGNORED_STATEMENT):
            continue
        elif reader.looking_at(_LABEL):
            _parse_label(reader, block)
        else:
            line = reader.line
            _parse_statement(reader.until(";").strip(), line, block)


def _parse_label(reader: Reader, block: Block) -> None:
    line = reader.line
    name = reader.expect(_LABEL, "a label").group(1)
    reader.skip_space()
    if reader.peek(".branchtargets"):
        labels = reader.until(";").removeprefix(".branchtargets")
        block.statements.append(BranchTargets(name, tuple(_split_operands(labels)), line))
    elif reader.peek(".callprototype") or reader.peek(".calltargets"):
        raise UnsupportedPTXError(f"PTX line {line}: indirect calls are not emulated")
    else:
        block.statements.append(Label(name, line))


def _parse_statement(text: str, line: int, block: Block) -> None:
    if not text:
        return
    if text.startswith(".reg"):
        block.statements.extend(parse_registers(text, line))
    elif text.startswith(_VARIABLE_SPACES):
        block.statements.append(parse_variable(text, line))
    elif text.startswith("."):
        raise UnsupportedPTXError(f"PTX line {line}: directive {text.split()[0]} is not emulated")
    else:
        block.statements.append(_parse_instruction(text, line))


def _parse_instruction(text: str, line: int) -> Instruction:
    guard, negated = None, False
    match = _GUARD.match(text)
    if match:
        guard, negated = match.group(2), bool(match.group(1))
        text = text[match.end() :]
    match = _OPCODE.match(text)
    if not match:
        raise PTXSyntaxError(f"PTX line {line}: {text!r} is not an instruction")
    opcode, *modifiers = match.group(1).split(".")
    operands = tuple(_split_operands(text[match.end() :]))
    return Instruction(opcode, tuple(modifiers), operands, guard, negated, line)


def _split_operands(text: str) -> list[str]:
    """Split at the commas that are outside braces, brackets and parentheses."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        if character in "{[(":
            depth += 1
        elif character in "}])":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return [" ".join(part.split()) for part in parts if part.strip()]
