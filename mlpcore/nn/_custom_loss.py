"""What a loss of a user's own returned: a value and a gradient, or a clear word about what not."""

from typing import Any

from mlpcore.kernels.reference.typing import Array, Namespace


def checked(xp: Namespace, name: str, z: Array, returned: Any) -> tuple[Array, Array]:
    """Return value and dz in the dtype of `z`, if they are the mean loss and its gradient.

    Parameters
    ----------
    xp : Namespace
        The namespace of `z`.
    name : str
        What the loss is called.
    z : Array, shape (..., features)
        The logits that it was given.
    returned : object
        What it returned.

    Raises
    ------
    TypeError
        If it is no pair, or one of the two does not hold real numbers or belongs to another library
        than `z`.
    ValueError
        If the value is not one number, or dz has another shape than `z`.
    """
    if not isinstance(returned, tuple | list) or len(returned) != 2:
        raise TypeError(
            f"the loss {name!r} must return a pair, its value and its gradient dz; got "
            f"{_described(returned)}"
        )
    value, dz = (
        _as_array(xp, f"{what} that the loss {name!r} returned", array, z)
        for what, array in zip(("the value", "the dz"), returned, strict=True)
    )
    if value.shape != () or dz.shape != z.shape:
        raise ValueError(
            f"the loss {name!r} returned a value of shape {value.shape} and dz of shape "
            f"{dz.shape}; expected () and {z.shape}, the shape of z"
        )
    return value, dz


def _as_array(xp: Namespace, what: str, given: Any, z: Array) -> Array:
    own = getattr(xp, "__name__", "").partition(".")[0]
    library = type(given).__module__.partition(".")[0]
    if {own, library} == {"numpy", "cupy"} and getattr(given, "shape", ()) != ():
        raise TypeError(f"{what} is a {library} array, but z is a {own} array; compute with {own}")
    try:
        array = xp.asarray(given)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} is no array of numbers, but {_described(given)}") from error
    if getattr(array.dtype, "kind", "f") not in "fiub":
        raise TypeError(f"{what} must hold real numbers, got dtype {array.dtype}")
    return xp.asarray(array, dtype=z.dtype)


def _described(x: Any) -> str:
    length = f" of length {len(x)}" if isinstance(x, tuple | list) else ""
    return f"{type(x).__name__}{length}"
