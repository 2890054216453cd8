"""What a user trains with: steps, and what goes with them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from mlpcore.batch import take
from mlpcore.signals import deferred_signals
from mlpcore.training.nonfinite import NonFinite, first_nonfinite
from mlpcore.training.refresh import refresh_statistics
from mlpcore.training.running_average import RunningAverage
from mlpcore.training.stepping import Stepping
from mlpcore.training.trainer_state import check_state, put_state, state_of


class Trainer(Stepping):
    """Takes training steps on a model, keeps an average of its parameters, and can be continued.

    Made by `MLP.trainer`; parameters and attributes are those of `Stepping`.
    """

    # The average of the parameters.

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Let the model hold the average of its parameters while the block runs.

        For predictions and `evaluate`; all threads see it.  Afterwards the parameters are again
        what they were, to the bit, and what was written to them meanwhile is lost.  Running
        statistics are not averaged: see `refresh_statistics`.

        Raises
        ------
        ValueError
            If no average is kept, or it holds nothing yet.
        RuntimeError
            In the middle of a step, or in such a block.
        """
        with self._turn:
            self._refuse_now()
            average = self._filled_average()
            with self.bound.backend.active():
                parameters, state = self.bound.parameters.flat, self.bound.state.flat
                before = parameters.copy(), state.copy()
                with deferred_signals():
                    self._write((parameters, average.flat))
                    self._lent = True
        try:
            yield
        finally:
            with self.bound.backend.active(), deferred_signals():
                self._write((parameters, before[0]), (state, before[1]))
                self._lent = False

    def apply_average(self) -> None:
        """Make the average of the parameters the model's parameters, for good.

        Running statistics are not averaged: see `refresh_statistics`.

        Raises
        ------
        ValueError
            If no average is kept, or it holds nothing yet.
        RuntimeError
            In the middle of a step, or in `averaged`.
        """
        with self._turn:
            self._refuse_now()
            average = self._filled_average()
            with self.bound.backend.active():
                self._write((self.bound.parameters.flat, average.flat))

    def _write(self, *pairs: tuple[Any, Any]) -> None:
        with self.bound.writing():
            for place, value in pairs:
                place[...] = value

    def _filled_average(self) -> RunningAverage:
        if self.average is None:
            raise ValueError("no average is kept; ask for one with average=ema() or swa(...)")
        if not self.average.taken:
            raise ValueError(f"{self.average.rule} holds nothing yet, after {self.steps} updates")
        return self.average

    def refresh_statistics(self, x: Any) -> None:
        """Set the running statistics of batch normalisation to those of the rows of `x`.

        They follow the parameters of the steps, and so fit neither an average nor parameters that
        were set.  All rows go through the network at once, each normalisation with mean and
        variance of all of them, and without dropout and noise: afterwards the network predicts for
        `x` what it would compute of `x` as one batch, but for Bessel's factor of the variance.
        A network without such statistics stays as it is, and so do statistics that a group freezes:
        their normalisations use them, as prediction does.

        Parameters
        ----------
        x : array, shape (..., features)
            The data, as many rows as batch normalisation needs.

        Raises
        ------
        TypeError, ValueError
            If something does not fit.
        """
        bound = self.bound
        with bound.backend.active():
            rows = take(bound.backend, x, bound.program.in_features, bound.dtype).rows
            refresh_statistics(bound, rows, self.frozen)

    def first_nonfinite(self, x: Any = None) -> NonFinite | None:
        """Return the first array, from the input on, that holds NaN or an infinity, or None.

        Parameters
        ----------
        x : array, shape (..., features), optional
            An input: then what each layer computes of it, as in prediction, is looked at, too.

        Raises
        ------
        TypeError, ValueError
            If `x` does not fit.
        """
        bound = self.bound
        if x is None:
            return first_nonfinite(bound)
        with bound.backend.active():
            rows = take(bound.backend, x, bound.program.in_features, bound.dtype).rows
            return first_nonfinite(bound, rows)

    # The state.

    def state_dict(self) -> dict[str, Any]:
        """Return all that later steps depend on, besides the model and the arguments of `trainer`.

        A trainer made by the same call for a model with the same parameters and state takes, after
        `load_state`, the same steps to the bit.

        Returns
        -------
        dict of str to array or plain value
            NumPy arrays by names such as ``"moments.m.layers.0.weight"``, and values that JSON
            holds.  Nothing in it changes later.

        Raises
        ------
        RuntimeError
            In the middle of a step, or in `averaged`.
        """
        with self._turn:
            self._refuse_now()
            return state_of(self)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue where another trainer was when it returned `state`.

        Parameters
        ----------
        state : mapping of str to array or plain value
            What `state_dict` returned.

        Raises
        ------
        TypeError, ValueError
            If it is none, or belongs to another optimizer, network, dtype or average; the message
            says what was expected and what came, and nothing is changed.
        RuntimeError
            In the middle of a step, or in `averaged`.
        """
        put_state(self, check_state(self, state))

    def __reduce__(self) -> NoReturn:
        # It holds the model's own parameters, which a copy would go on to train.
        raise TypeError(
            "a trainer is neither pickled nor copied; keep model and trainer.state_dict(), and let "
            "the trainer of another model go on with load_state()"
        )

    def __repr__(self) -> str:
        return f"Trainer({self.loss}, {self.optimizer!r}, lr={self.lr:g}, steps={self.steps})"
