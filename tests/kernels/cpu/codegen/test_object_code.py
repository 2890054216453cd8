"""Modules become machine code, and that becomes functions which live as long as the process."""

import ctypes
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from mlpcore.kernels.cpu.codegen.function import Module
from mlpcore.kernels.cpu.codegen.instruction_set import (
    AVX2,
    INSTRUCTION_SETS,
    NEON,
    instruction_set,
)
from mlpcore.kernels.cpu.codegen.object_code import (
    ObjectCode,
    Signature,
    assembly,
    compile_module,
    load,
    object_code,
)
from mlpcore.kernels.cpu.codegen.target import platform_name, target_machine

ISA = instruction_set()


def constant_module(value=7, isa=ISA):
    """Return a module whose kernel ``constant`` returns `value`."""
    module = Module(isa, np.float32)
    with module.function("constant", result="int") as (f,):
        f.returns(f.int(value))
    return module


def run(script, **keywords):
    """Run a script in a process of its own that would be killed if it hung."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        **keywords,
    )


def test_signatures_name_what_can_be_called():
    module = constant_module()
    with module.function("hidden", "int", private=True):
        pass
    with module.function("real", "address", "real", result="real") as (f, _, x):
        f.call_external("labs", f.int(1), result="int")
        f.returns(x.sqrt())
    assert object_code(module).signatures == {
        "constant": Signature((), "int"),
        "real": Signature(("address", "real"), "real"),
    }


def test_object_code_survives_the_way_through_bytes():
    compiled = object_code(constant_module())
    assert ObjectCode.from_bytes(compiled.to_bytes()) == compiled


def test_the_same_module_is_the_same_object_code():
    assert compile_module(constant_module()) == compile_module(constant_module())


@pytest.mark.parametrize("holds_gil", [False, True])
def test_a_prototype_calls_the_kernel(holds_gil):
    loaded = load(compile_module(constant_module(2**40)), ISA)
    prototype = Signature((), "int").prototype(ctypes.c_float, holds_gil=holds_gil)
    assert prototype(loaded["constant"])() == 2**40


def test_a_kernel_that_is_not_there_is_a_key_error():
    with pytest.raises(KeyError, match="absent"):
        load(compile_module(constant_module()), ISA)["absent"]


def test_a_c_function_that_is_not_there_is_an_error_and_not_the_end():
    module = Module(ISA, np.float32)
    with module.function("kernel", result="int") as (f,):
        f.returns(f.call_external("no_such_function_anywhere", result="int"))
    with pytest.raises(KeyError, match="kernel"):
        load(compile_module(module), ISA)["kernel"]


def test_what_is_no_object_file_is_an_error_and_not_the_end():
    with pytest.raises(RuntimeError):
        load(b"no object file", ISA)


def test_llvm_may_call_the_c_library_of_its_own_accord():
    """A loop that writes zeros becomes a call of memset."""
    module = Module(ISA, np.float32)
    with module.function("clear", "address", "int") as (f, p, n), f.loop(0, n) as i:
        p.store(f.scalar(0.0), i)
    values = np.ones(20, np.float32)
    prototype = Signature(("address", "int"), None).prototype(ctypes.c_float)
    prototype(load(compile_module(module), ISA)["clear"])(values.ctypes.data, 17)
    assert values.tolist() == [0] * 17 + [1] * 3


def test_constants_are_found_however_many_modules_are_loaded():
    """Code reaches its tables by relative addresses of 32 bits."""
    module = Module(ISA, np.float32)
    with module.function("entry", "int", result="real") as (f, i):
        f.returns(f.table([0.5, 1.5, 2.5]).real(i))
    code = compile_module(module)
    prototype = Signature(("int",), "real").prototype(ctypes.c_float)
    memory = []
    for _ in range(20):
        entry = prototype(load(code, ISA)["entry"])
        memory.append(np.empty(1 << 20))  # moves the next allocation elsewhere
        assert [entry(i) for i in range(3)] == [0.5, 1.5, 2.5]


@pytest.mark.parametrize("isa", INSTRUCTION_SETS.values(), ids=lambda isa: isa.name)
def test_code_is_made_for_instruction_sets_that_this_machine_lacks(isa):
    elf_machine = {"x86_64": 62, "aarch64": 183}[isa.machine]
    code = compile_module(constant_module(isa=isa))
    if "linux" in platform_name(isa):
        assert code[:4] == b"\x7fELF"
        assert int.from_bytes(code[18:20], "little") == elf_machine
    assert "constant" in assembly(constant_module(isa=isa))


def test_the_platform_is_named_by_architecture_and_system():
    host = target_machine(ISA).triple.split("-")
    assert platform_name(AVX2) == "-".join(["x86_64", *host[2:]])
    assert platform_name(NEON) == "-".join(["aarch64", *host[2:]])


CALLED_AT_EXIT = """
    import ctypes, threading, time
    from mlpcore.kernels.cpu.codegen.function import Module
    from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set
    from mlpcore.kernels.cpu.codegen.object_code import compile_module, load

    isa = instruction_set()
    module = Module(isa, "float32")
    with module.function("spin", "int", result="int") as (f, n):
        total = f.variable(f.int(0))
        with f.loop(0, n) as i:
            f.keep_order()
            total.value = total.value + i
        f.returns(total.value)
    prototype = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
    spin = prototype(load(compile_module(module), isa)["spin"])
    started = threading.Event()

    def work():
        started.set()
        while True:
            spin(10_000_000)

    threading.Thread(target=work, daemon=True).start()
    started.wait()
    del module, isa
"""


def test_code_lives_while_threads_run_it_at_the_end_of_the_process():
    done = run(CALLED_AT_EXIT)
    assert (done.returncode, done.stderr) == (0, "")


FORKED = """
    import os, threading, time
    from mlpcore.kernels.cpu.codegen import object_code, target
    from mlpcore.kernels.cpu.codegen.function import Module
    from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set

    isa = instruction_set()

    def compile_something(count):
        module = Module(isa, "float32")
        for k in range(count):
            with module.function(f"f{k}", "address", "int", "real") as (f, p, n, factor):
                with f.loop(0, n, f.lanes) as i:
                    mask = f.first_lanes(n - i)
                    p.store(p.vector(i, mask) * factor.splat() + float(k), i, mask)
        return object_code.load(object_code.compile_module(module), isa)["f0"]

    inside = threading.Event()
    optimized = object_code._optimized

    def noticed(*arguments):
        inside.set()
        return optimized(*arguments)

    object_code._optimized = noticed
    other = threading.Thread(target=compile_something, args=(200,))
    other.start()
    inside.wait()
    child = os.fork()
    if child == 0:
        compile_something(1)
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    other.join()
    compile_something(1)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_is_forked_while_another_thread_compiles_can_compile():
    environment = os.environ | {"PYTHONWARNINGS": "ignore::DeprecationWarning"}
    done = run(FORKED, env=environment)
    assert (done.returncode, done.stderr) == (0, "")


HANDLED = """
    import os, signal
    from mlpcore.kernels.cpu.codegen import object_code
    from mlpcore.kernels.cpu.codegen.function import Module
    from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set

    isa = instruction_set()
    optimized = object_code._optimized

    def compile_something():
        module = Module(isa, "float32")
        with module.function("seven", result="int") as (f,):
            f.returns(f.int(7))
        return object_code.compile_module(module)

    def interrupted(*arguments):
        object_code._optimized = optimized
        os.kill(os.getpid(), signal.SIGUSR1)
        return optimized(*arguments)

    results = []
    signal.signal(signal.SIGUSR1, lambda *_: results.append(compile_something()))
    object_code._optimized = interrupted
    results.append(compile_something())
    assert len(results) == 2 and results[0] == results[1]
"""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="needs signals")
def test_a_signal_handler_may_compile_while_its_thread_compiles():
    done = run(HANDLED)
    assert (done.returncode, done.stderr) == (0, "")
