"""The README's Python runs as it stands, one block after the other, as a reader would type it."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_blocks_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # one of them saves a model
    names: dict[str, object] = {}
    assert len(BLOCKS) >= 4
    for block in BLOCKS:
        exec(compile(block, str(README), "exec"), names)
    assert names["probabilities"].shape == (3, 10)
    assert names["probabilities"].sum(axis=1) == pytest.approx([1, 1, 1])
    assert names["again"].equals(names["model"]) is False  # the README zeroes a weight after saving
    accuracy = names["again"].evaluate(names["test"].x, names["test"].t)["accuracy"]
    assert accuracy > 0.95


def test_the_two_commands_are_one_line_each() -> None:
    text = README.read_text("utf-8")
    commands = re.findall(r"^    (python3 -m venv \.venv && .*)$", text, re.MULTILINE)
    assert [command.split()[-1] for command in commands] == ["demo", "pytest"]
