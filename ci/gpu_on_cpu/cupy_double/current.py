"""Which device the calls of a thread go to."""

from __future__ import annotations

import os
import threading


class CurrentDevice(threading.local):
    """The number of each thread's device; every thread begins with the first.

    Attributes
    ----------
    index : int
        The number.
    count : int
        How many devices there are: GPU_ON_CPU_DEVICE_COUNT, by default one.
    """

    def __init__(self) -> None:
        self.index = 0
        self.count = int(os.environ.get("GPU_ON_CPU_DEVICE_COUNT", "1"))

    def choose(self, index: int) -> None:
        """Choose a device.

        Raises
        ------
        ValueError
            If there is none with this number.
        """
        if not 0 <= index < self.count:
            there = "one, number 0" if self.count == 1 else f"{self.count}, counted from 0"
            raise ValueError(f"device {index} does not exist: there is {there}")
        self.index = index
