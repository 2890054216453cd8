"""Why something is computed without the kernel that is meant for it."""

from typing import Any

from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.place import Place


def note_missing_kernels(place: Place, findings: Findings) -> None:
    """Tell `findings` if this place has no kernels of the library's own at all."""
    reason = _no_cuda_kernels() if place.on_gpu else _no_cpu_kernels(place.dtype)
    if reason is not None:
        findings.fell_back(reason)


def note_refused_products(place: Place, findings: Findings, x: Any, W: Any, b: Any) -> None:
    """Tell `findings` if cuBLASLt refuses a product of a layer of this shape, and why.

    Parameters
    ----------
    place : Place
        On the CPU nothing is asked.
    findings : Findings
        Is told.
    x, W, b : array
        The batch, the weights and the bias or None, in host memory; the products are computed and
        thrown away.
    """
    if not place.on_gpu or 0 in (*x.shape, *W.shape):
        return
    from mlpcore.kernels.cuda.cublaslt import (
        Epilogue,
        Refused,
        affine,
        input_gradient,
        weight_gradient,
    )

    with place.active():
        xp = place.backend.xp
        x, W = xp.asarray(x), xp.asarray(W)
        b = None if b is None else xp.asarray(b)
        z = xp.empty((len(x), len(W)), x.dtype)
        epilogue = Epilogue.NONE if b is None else Epilogue.BIAS
        dz = xp.ones_like(z)
        products: tuple[tuple[str, Any, tuple[Any, ...]], ...] = (
            ("z = x Wᵀ + b", affine, (x, W, b, z, epilogue)),
            ("dx = dz W", input_gradient, (dz, W, xp.empty_like(x))),
            ("dW = dzᵀ x", weight_gradient, (dz, x, xp.empty_like(W))),
        )
        for name, compute, arrays in products:
            try:
                compute(*arrays)
            except Refused as refusal:
                findings.fell_back(f"{name}: {refusal}")


def _no_cuda_kernels() -> str | None:
    from mlpcore.backends.cuda.arithmetic import has_kernels

    if has_kernels():
        return None
    return "numba-cuda is not installed: CuPy computes activations, losses and updates"


def _no_cpu_kernels(dtype: str) -> str | None:
    from mlpcore.backends.cpu.compiled import compiled, why_not

    if compiled(dtype, "few", "team") is not None:
        return None
    return f"NumPy computes, because there are no compiled kernels: {why_not()}"
