"""What the grid holds: networks, batch sizes, kinds of work, and the command that measures each."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

NETWORKS = {
    "1": (784, 512, 256, 128, 64, 10),
    "2": (784, 256, 10),
    "3": (3072, 1024, 512, 256, 10),
    "4": (768, 3072, 768),
    "5": (32, 64, 64, 64, 4),
}
BATCH_SIZES = (1, 8, 32, 128, 512, 2048, 10000)
THREADS = (1, 2)
WORK = ("inference", "sgd", "adam")
OTHER_ACTIVATIONS = ("gelu", "tanh", "sigmoid")
NETWORKS_OF_OTHERS = ("1", "5")

PEERS = {
    "inference": "mlpcore-frozen,numpy,torch,torch-compile,onnxruntime,openvino,jax,sklearn",
    "sgd": "torch,torch-compile,jax,sklearn",
    "adam": "torch,torch-compile,jax,sklearn",
}


@dataclass(frozen=True)
class Job:
    """The batch sizes of one network, measured in a process of their own."""

    network: str
    threads: int
    work: str
    activation: str
    batch_sizes: tuple[int, ...]
    seconds: float
    without: tuple[str, ...] = ()
    process: int = 0

    @property
    def layers(self) -> tuple[int, ...]:
        return NETWORKS[self.network]

    @property
    def peers(self) -> tuple[str, ...]:
        return tuple(peer for peer in PEERS[self.work].split(",") if peer not in self.without)

    @property
    def file(self) -> str:
        again = f"-{self.process}" if self.process else ""
        return f"network{self.network}-{self.threads}-{self.work}-{self.activation}{again}.json"

    def command(self, path: Path) -> list[str]:
        """Return the command that measures this job and writes a report at `path`."""
        training = self.work != "inference"
        options = {
            "layers": ",".join(map(str, self.layers)),
            "batch-sizes": ",".join(map(str, self.batch_sizes)),
            "mode": "training" if training else "inference",
            "optimizer": self.work if training else "sgd",
            "activation": self.activation,
            "threads": self.threads,
            "device": "cpu",
            "against": ",".join(self.peers),
            "seconds": self.seconds,
            "json": path,
        }
        command = [sys.executable, "-m", "mlpcore", "bench"]
        return command + [f"--{name}={value}" for name, value in options.items()]

    def is_timed_as(self, report: dict) -> bool:
        """Return whether `report` was timed as long as this job, so that it can be added to."""
        return report["header"]["seconds"] == self.seconds

    def left(self, reports: list[dict]) -> "Job":
        """Return the job of the batch sizes that `reports` lack."""
        measured = {row["batch_size"] for report in reports for row in report["rows"]}
        sizes = tuple(size for size in self.batch_sizes if size not in measured)
        return replace(self, batch_sizes=sizes)


def jobs(networks, batch_sizes, threads, work, activations, seconds, without=(), processes=1):
    """Return the jobs of a part of the grid; other activations than ReLU on some networks only."""
    return [
        Job(network, count, kind, activation, tuple(batch_sizes), seconds, tuple(without), process)
        for process in range(processes)
        for kind in work
        for count in threads
        for activation in activations
        for network in networks
        if activation == "relu" or network in NETWORKS_OF_OTHERS
    ]
