"""The curves of a history as a picture."""

from os import PathLike
from typing import TYPE_CHECKING, Any

from mlpcore.lazy_imports import importing

if TYPE_CHECKING:
    from mlpcore.training.history import History


def plot(history: "History", path: str | PathLike[str] | None = None) -> Any:
    """Return a figure with one panel for each value; see `History.plot`."""
    if not history:
        raise ValueError("there is nothing to plot: no epoch was run")
    try:
        # Figures made without pyplot need no screen, and none is kept when nobody holds it.
        with importing():
            from matplotlib.figure import Figure
            from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise ImportError(
            "History.plot draws with matplotlib, which is not installed: pip install matplotlib"
        ) from error
    panels = _panels(history)
    figure = Figure(figsize=(4.0 * len(panels), 3.2), layout="constrained")
    epochs = range(1, len(history) + 1)
    curves = history.to_dict()
    for place, (title, names) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(1, len(panels), place)
        for name in names:
            axes.plot(epochs, curves[name], marker="." if len(history) < 30 else "", label=name)
        axes.set_xlabel("epoch")
        axes.set_title(title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(names) > 1:
            axes.legend()
    if path is not None:
        figure.savefig(path)
    return figure


def _panels(history: "History") -> dict[str, list[str]]:
    """Return which curves to draw together: the losses, and each metric with its validation."""
    panels: dict[str, list[str]] = {}
    for name in history.names:
        if name != "seconds":
            plain = name.removeprefix("val_")
            panels.setdefault("loss" if plain == "objective" else plain, []).append(name)
    return panels
