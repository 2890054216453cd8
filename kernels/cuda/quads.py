"""Four neighbouring elements at once: one or two 128-bit accesses where they lie aligned."""

from __future__ import annotations

from typing import Any

from .formulas import Tools


def quad_access(tools: Tools, aligned: bool) -> tuple[Any, Any]:
    """Return the device functions ``load(pointer, i, n)`` and ``store(pointer, i, n, four)``.

    They access elements i to i + 3 of n, of which those beyond the end are zeros and are not
    touched; ``load`` returns them as a tuple.

    Parameters
    ----------
    tools : Tools
        Those of the kernel.
    aligned : bool
        Whether i is a multiple of 4 and the pointer one of 16 bytes, so that the hardware may
        access 16 bytes at once.
    """
    from llvmlite import ir
    from numba.cuda.extending import intrinsic

    real, types = tools.real, tools.types

    def vector(context: Any, builder: Any, pointer: Any, kind: Any, index: Any) -> tuple[Any, int]:
        place = builder.gep(pointer, [index])
        size = kind.dtype.bitwidth // 8
        four = ir.VectorType(context.get_data_type(kind.dtype), 4)
        return builder.bitcast(place, four.as_pointer()), 16 if aligned else size

    def type_load(typing_context: Any, pointer: Any, index: Any) -> Any:  # noqa: ARG001
        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place, alignment = vector(context, builder, arguments[0], pointer, arguments[1])
            loaded = builder.load(place, align=alignment)
            lanes = [builder.extract_element(loaded, ir.IntType(32)(k)) for k in range(4)]
            return context.make_tuple(builder, signature.return_type, lanes)

        return types.UniTuple(pointer.dtype, 4)(pointer, types.int64), write

    def type_store(typing_context: Any, pointer: Any, index: Any, four: Any) -> Any:  # noqa: ARG001
        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
            place, alignment = vector(context, builder, arguments[0], pointer, arguments[1])
            whole = ir.Constant(place.type.pointee, ir.Undefined)
            for k in range(4):
                lane = builder.extract_value(arguments[2], k)
                whole = builder.insert_element(whole, lane, ir.IntType(32)(k))
            builder.store(whole, place, align=alignment)
            return context.get_dummy_value()

        return types.void(pointer, types.int64, types.UniTuple(pointer.dtype, 4)), write

    load_four: Any = intrinsic(type_load)
    store_four: Any = intrinsic(type_store)

    def load(pointer: Any, i: int, n: int) -> tuple[float, float, float, float]:
        if i + 4 <= n:
            return load_four(pointer, i)  # type: ignore[no-any-return]
        first, zero = pointer[i], real(0)
        second = pointer[i + 1] if i + 1 < n else zero
        third = pointer[i + 2] if i + 2 < n else zero
        return first, second, third, zero

    def store(pointer: Any, i: int, n: int, four: Any) -> None:
        if i + 4 <= n:
            store_four(pointer, i, four)
        else:
            pointer[i] = four[0]
            if i + 1 < n:
                pointer[i + 1] = four[1]
            if i + 2 < n:
                pointer[i + 2] = four[2]

    return tools.device(load), tools.device(store)
