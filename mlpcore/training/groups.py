"""Groups of parameters by the patterns of their names, each with what is different for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mlpcore.backends.layout import Layout
from mlpcore.backends.spans import Span, joined, spans_of
from mlpcore.checks import not_negative
from mlpcore.program import Program


@dataclass(frozen=True)
class Group:
    """What is different for the parameters whose names match a pattern.

    Attributes
    ----------
    pattern : str
        The names, as `fnmatch` reads patterns: ``"layers.0.*"``, ``"*.bias"``, ``"layers.[12].*"``.
    lr_scale : float, default 1
        The factor of the learning rate, from 0 up.
    l2 : float or None
        λ₂ of the weights among them in place of the trainer's; None leaves it.
    frozen : bool, default False
        Whether nothing of them changes, to the bit: neither by gradient nor by momentum or decay.
        The statistics that normalisations keep under such names stay, too.

    Raises
    ------
    TypeError, ValueError
        If a setting is of another kind, or out of range.

    Examples
    --------
    >>> Group("layers.0.*", frozen=True)
    Group(pattern='layers.0.*', lr_scale=1.0, l2=None, frozen=True)
    """

    pattern: str
    lr_scale: float = 1.0
    l2: float | None = None
    frozen: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.pattern, str):
            raise TypeError(f"the pattern of a group must be a string, got {self.pattern!r}")
        put = object.__setattr__
        put(self, "lr_scale", not_negative(self.lr_scale, "lr_scale"))
        if self.l2 is not None:
            put(self, "l2", not_negative(self.l2, "l2"))
        if not isinstance(self.frozen, bool):
            raise TypeError(f"frozen must be True or False, got {self.frozen!r}")


def groups_of(given: Sequence[Group] | None) -> tuple[Group, ...]:
    """Return groups as a tuple, or raise TypeError if something else is among them."""
    if given is None:
        return ()
    if isinstance(given, Group) or not isinstance(given, Iterable):
        raise TypeError(f"groups must be a sequence of Group, got {type(given).__name__}")
    groups = tuple(given)
    for group in groups:
        if not isinstance(group, Group):
            raise TypeError(f"groups must be a sequence of Group, got {group!r} among them")
    return groups


@dataclass(frozen=True)
class Rules:
    """What groups mean for one program.

    Attributes
    ----------
    l2 : dict of str to float
        λ₂ of each weight that the penalty counts, frozen ones included: they are part of J.
    spans : tuple of Span or None
        The runs of parameters that are trained; None if that is all of them, and alike.
    frozen : frozenset of str
        The parameters and statistics that stay.
    """

    l2: dict[str, float]
    spans: tuple[Span, ...] | None
    frozen: frozenset[str]


def rules_of(
    program: Program, layout: Layout, groups: Sequence[Group], l2: float, *, apart: bool = False
) -> Rules:
    """Return what `groups` mean for the parameters of a program.

    Parameters
    ----------
    program : Program
        Whose parameters and state they name.
    layout : Layout
        Where the parameters lie.
    groups : sequence of Group
        Of those that match a name the last wins.
    l2 : float
        λ₂ where no group says otherwise.
    apart : bool
        Whether the optimizer has a decay of its own, which weights have and others have not.

    Raises
    ------
    ValueError
        If a pattern matches nothing, or a group has an `l2` above 0 and no weight.
    """
    names = [parameter.name for parameter in (*program.parameters, *program.state)]
    weights = {parameter.name for parameter in program.parameters if parameter.decays}
    for group in groups:
        matched = [name for name in names if fnmatchcase(name, group.pattern)]
        if not matched:
            raise ValueError(
                f"the group {group.pattern!r} matches no parameter; there are {', '.join(names)}"
            )
        if group.l2 and weights.isdisjoint(matched):
            raise ValueError(
                f"the group {group.pattern!r} has l2={group.l2:g}, but the penalty counts weights "
                f"only, and it matches none: {', '.join(matched)}"
            )
    chosen = {name: _last_match(name, groups) for name in names}
    factors = {name: _own(l2, chosen[name]) for name in layout.names if name in weights}
    frozen = frozenset(name for name, group in chosen.items() if group and group.frozen)
    trained = [
        span._replace(lr_scale=1.0 if (own := chosen[name]) is None else own.lr_scale)
        for name, span in spans_of(program, layout).items()
        if name not in frozen
    ]
    alike = len(trained) == len(layout.names) and all(span.lr_scale == 1 for span in trained)
    return Rules(factors, None if alike else joined(trained, apart=apart), frozen)


def _own(l2: float, group: Group | None) -> float:
    return l2 if group is None or group.l2 is None else group.l2


def _last_match(name: str, groups: Sequence[Group]) -> Group | None:
    return next((g for g in reversed(groups) if fnmatchcase(name, g.pattern)), None)
