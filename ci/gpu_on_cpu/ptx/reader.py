"""A cursor over PTX text that knows the line it stands on."""

from __future__ import annotations

import re
from bisect import bisect_right

from ..errors import PTXSyntaxError

_BLOCK_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_LINE_COMMENT = re.compile(r"//[^\n]*")
_SPACE = re.compile(r"\s+")


def strip_comments(text: str) -> str:
    """Remove comments but keep their line breaks, so that line numbers stay true."""
    text = _BLOCK_COMMENT.sub(lambda match: "\n" * match.group().count("\n"), text)
    return _LINE_COMMENT.sub("", text)


class Reader:
    """Reads forward through a text; every method skips white space first."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._line_ends = [match.start() for match in re.finditer("\n", text)]

    @property
    def line(self) -> int:
        """Line of the next character that is not white space, counted from one."""
        self.skip_space()
        return bisect_right(self._line_ends, self._position) + 1

    def skip_space(self) -> None:
        """Move to the next character that is not white space."""
        match = _SPACE.match(self._text, self._position)
        if match:
            self._position = match.end()

    def at_end(self) -> bool:
        """Whether only white space is left."""
        self.skip_space()
        return self._position >= len(self._text)

    def looking_at(self, pattern: re.Pattern[str]) -> bool:
        """Whether `pattern` matches here."""
        self.skip_space()
        return pattern.match(self._text, self._position) is not None

    def skip(self, pattern: re.Pattern[str]) -> bool:
        """Move past `pattern` if it matches here, and say whether it did."""
        self.skip_space()
        match = pattern.match(self._text, self._position)
        if match:
            self._position = match.end()
        return match is not None

    def expect(self, pattern: re.Pattern[str], what: str) -> re.Match[str]:
        """Move past `pattern`, which must match here."""
        self.skip_space()
        match = pattern.match(self._text, self._position)
        if match is None:
            raise PTXSyntaxError(f"PTX line {self.line}: expected {what}")
        self._position = match.end()
        return match

    def peek(self, literal: str) -> bool:
        """Whether `literal` comes next."""
        self.skip_space()
        return self._text.startswith(literal, self._position)

    def take(self, literal: str) -> bool:
        """Move past `literal` if it comes next, and say whether it did."""
        if self.peek(literal):
            self._position += len(literal)
            return True
        return False

    def until(self, literal: str) -> str:
        """Return the text before `literal` and move past it."""
        line = self.line
        end = self._text.find(literal, self._position)
        if end < 0:
            raise PTXSyntaxError(f"PTX line {line}: no {literal!r} ends what begins here")
        text = self._text[self._position : end]
        self._position = end + len(literal)
        return text

    def until_any(self, characters: str) -> str:
        """Return the text before the first of `characters` and stop in front of it."""
        start = self._position
        while self._position < len(self._text) and self._text[self._position] not in characters:
            self._position += 1
        return self._text[start : self._position]

    def parenthesised(self) -> str:
        """Return the text between the parenthesis that comes next and the one that closes it."""
        self.take("(")
        return self.until(")")
