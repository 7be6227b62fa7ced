"""The lines of a generated loop over messages."""


class LoopBody:
    """The lines for each message, and the optional piece of the text that the last line belongs to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._condition = ""
        self._piece = ""

    def add(self, *lines: str) -> None:
        """Add lines. The next optional piece does not join the one before them."""
        self.lines += lines
        self._condition = ""

    def joins(self, there: str) -> bool:
        """True if the last piece has the condition `there`, and no line follows it."""
        return there == self._condition

    def add_joined(self, piece: str, lines: tuple[str, ...]) -> None:
        """Add an expression to the last piece, under its condition."""
        self._add_under(*lines, f"{self._piece} += {piece}")

    def add_piece(self, there: str, name: str, piece: str, absent: str, lines: tuple[str, ...]) -> None:
        """Add a piece `name`: the expression `piece` under the condition `there`, else the text `absent`. `lines` come before it."""
        self.add(f"{name} = f'{absent}'", f"if {there}:")
        self._condition, self._piece = there, name
        self._add_under(*lines, f"{name} = {piece}")

    def _add_under(self, *lines: str) -> None:
        self.lines += [f"    {line}" for line in lines]
