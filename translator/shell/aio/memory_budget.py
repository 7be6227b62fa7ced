"""The memory budget of a process: the bytes in use, by account and by purpose.

    total ─┬─ an equal part of a quarter for each account      reserved for it
           ├─ a sixteenth for all unauthenticated clients      they get no more
           └─ the common rest                                  an account has at most four times what it leaves there

So a single account may hold most of the budget, and other accounts never cause a refusal within an account's own part.
A request for more is refused and counted. All memory that is taken has to be given back.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal, TypeAlias

import msgspec

MEMORY: Final = 256 * 1024 * 1024
"""The default budget in bytes."""

UNKNOWN: Final = "unknown"
"""The name that counts for unauthenticated clients and for accounts that are not configured."""

Kind: TypeAlias = Literal["head", "body", "ahead", "answer", "unsent", "snapshot"]
"""The purpose of the bytes.
`head`: the head of a request.
`body`: the body of a request.
`ahead`: a pipelined request.
`answer`: a provider's response, and the rows of a list that is being read.
`unsent`: a response that its client has not read yet.
`snapshot`: a cached list."""

_OWN: Final = 4
"""The divisor of the part that is shared equally among the accounts."""

_STRANGERS: Final = 16
"""The divisor of the part for unauthenticated clients."""

_TIMES: Final = 4
"""The factor by which an account may hold more of the common rest than it leaves there."""


class _Holder:
    """The bytes of one account. `own` is its part of the budget in bytes. `shares` is True if it may use the common rest."""

    __slots__ = ("held", "kinds", "name", "own", "refused", "shares")

    def __init__(self, name: str, own: int, *, shares: bool) -> None:
        self.name, self.own, self.shares = name, own, shares
        self.held = 0
        self.kinds: dict[Kind, int] = {}
        self.refused: dict[Kind, int] = {}


class MemoryBudget:
    """The memory budget. `total` is in bytes. `accounts` are the names of all configured accounts."""

    def __init__(self, total: int = MEMORY, accounts: Iterable[str] = ()) -> None:
        names = sorted(set(accounts) - {UNKNOWN})
        own = total // _OWN // len(names) if names else 0
        strangers = total // _STRANGERS
        self._left = total - own * len(names) - strangers
        """Unused bytes of the common rest."""
        self._unknown = _Holder(UNKNOWN, strangers, shares=False)
        self._holders = {name: _Holder(name, own, shares=True) for name in names}
        self.reclaim: Callable[[str], bool] | None = None
        """Called with an account that would be refused.
        It frees the memory that the account can do without, and returns True if there was any."""

    def hold(self, account: str, kind: Kind, most: int = sys.maxsize) -> "Hold":
        """Return a hold of no bytes yet, which can grow."""
        return Hold(self, self._holders.get(account, self._unknown), kind, most)

    def take(self, account: str, kind: Kind, size: int) -> "Hold | None":
        """Return a hold of `size` bytes; None if the account is refused them."""
        hold = self.hold(account, kind)
        return hold if hold.grow(size) else None

    def totals(self) -> Iterator[tuple[str, str, int]]:
        """Yield account, kind and bytes for every kind that an account has held."""
        for holder in (*self._holders.values(), self._unknown):
            for kind, size in holder.kinds.items():
                yield holder.name, kind, size

    def refusals(self) -> Iterator[tuple[str, str, int]]:
        """Yield account, kind and the number of refusals."""
        for holder in (*self._holders.values(), self._unknown):
            for kind, count in holder.refused.items():
                yield holder.name, kind, count

    @property
    def held(self) -> int:
        """The number of bytes in use in all."""
        return sum(size for _, _, size in self.totals())

    def _enter(self, holder: _Holder, kind: Kind, size: int) -> bool:
        """Count bytes as used. Returns False, and counts nothing, if the budget refuses them."""
        after = holder.held + size
        over = after - holder.own
        if over > 0:
            more = min(size, over)
            left = self._left - more
            if not holder.shares or over > _TIMES * left:
                return False
            self._left = left
        holder.held = after
        holder.kinds[kind] = holder.kinds.get(kind, 0) + size
        return True

    def _enters(self, holder: _Holder, kind: Kind, size: int) -> bool:
        """Like `_enter`, after freeing memory that the account can do without. A refusal is counted."""
        if self._enter(holder, kind, size):
            return True
        if kind != "snapshot" and self.reclaim is not None and self.reclaim(holder.name):
            return self._enters(holder, kind, size)
        holder.refused[kind] = holder.refused.get(kind, 0) + 1
        return False

    def _leave(self, holder: _Holder, kind: Kind, size: int) -> None:
        over = holder.held - holder.own
        if over > 0:
            self._left += min(size, over)
        holder.held -= size
        holder.kinds[kind] -= size


class Hold(msgspec.Struct, eq=False, gc=False):
    """Bytes that an account holds for one purpose until they are released. It is a struct, because each provider request makes one.
    `size`: the number of bytes.
    `most`: for the reader that fills it, the largest size of each part that is read into it.
    `is_over`: True after `release`."""

    budget: MemoryBudget
    holder: _Holder
    kind: Kind
    most: int = sys.maxsize
    size: int = 0
    is_over: bool = False

    @property
    def account(self) -> str:
        """The name of the account."""
        return self.holder.name

    def grow(self, size: int) -> bool:
        """Hold `size` more bytes. Returns False if the account is refused them; the bytes that it holds already stay."""
        if self.is_over or not self.budget._enters(self.holder, self.kind, size):
            return False
        self.size += size
        return True

    def shrink(self, size: int) -> None:
        """Give `size` bytes back, or all if there are fewer."""
        size = min(size, self.size)
        self.size -= size
        self.budget._leave(self.holder, self.kind, size)

    def release(self) -> None:
        """Give all bytes back. It may be called again. From then on this hold does not grow."""
        self.is_over = True
        if self.size:
            self.budget._leave(self.holder, self.kind, self.size)
            self.size = 0

    def become(self, account: str, kind: Kind | None = None) -> bool:
        """Move the bytes to another account or purpose, for example when the client has authenticated.
        Returns False and changes nothing if that account is refused them."""
        to = self.budget.hold(account, kind or self.kind)
        if not to.grow(self.size):
            return False
        self.budget._leave(self.holder, self.kind, self.size)
        self.holder, self.kind = to.holder, to.kind
        return True
