"""A file of code that is damaged, or that belongs to something else, shows."""

import pytest

from mlpcore.backends.sealed_code import key_of, sealed, unsealed

KEY = key_of(("unit", 1))
CODE = b"machine code"
FILE = sealed(KEY, CODE)


def test_what_was_sealed_comes_out():
    assert unsealed(FILE, KEY) == CODE
    assert unsealed(sealed(KEY, b""), KEY) == b""


def test_a_file_cut_short_anywhere_is_none():
    assert all(unsealed(FILE[:length], KEY) is None for length in range(len(FILE)))


def test_a_file_with_one_flipped_bit_or_more_bytes_is_none():
    for place in range(len(FILE)):
        damaged = bytearray(FILE)
        damaged[place] ^= 1 << place % 8
        assert unsealed(bytes(damaged), KEY) is None
    assert unsealed(FILE + b"x", KEY) is None


@pytest.mark.parametrize("other", [("unit", 2), ("unit", "1"), ("unit",), None])
def test_code_of_something_else_is_none(other):
    assert unsealed(FILE, key_of(other)) is None
