"""The memory budget of a process: how many bytes are under way, for which account, and as what.

    total ─┬─ an equal part of a quarter for each account    nobody else can take it
           ├─ a sixteenth for all callers that are unknown   they get no more
           └─ the common rest                                an account has at most four times what it leaves there

So an account alone may hold most of the budget, and an account within its own part is never refused because of others. Who asks for
more than that is refused, and counted. Whatever is taken has to be given back.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal, TypeAlias

import msgspec

MEMORY: Final = 256 * 1024 * 1024
"""How many bytes are under way at most, unless told otherwise."""

UNKNOWN: Final = "unknown"
"""The name under which callers are counted that have not said who they are, and accounts that are not configured."""

Kind: TypeAlias = Literal["head", "body", "ahead", "answer", "unsent", "snapshot"]
"""As what bytes are held: a request's head, its body, a request sent ahead, a provider's answer and the rows of a list that is being
read, an answer that its caller has not read yet, a list that is kept."""

_OWN: Final = 4
"""One part in so many is divided equally among the accounts."""

_STRANGERS: Final = 16
"""One part in so many is for callers that are unknown."""

_TIMES: Final = 4
"""An account may hold so many times what it leaves in the common rest."""


class _Holder:
    """What one account holds. `own` is its part of the budget, in bytes; `shares` says whether it may have of the common rest."""

    __slots__ = ("held", "kinds", "name", "own", "refused", "shares")

    def __init__(self, name: str, own: int, *, shares: bool) -> None:
        self.name, self.own, self.shares = name, own, shares
        self.held = 0
        self.kinds: dict[Kind, int] = {}
        self.refused: dict[Kind, int] = {}


class MemoryBudget:
    """`total` is in bytes; `accounts` are the names of all accounts that are configured."""

    def __init__(self, total: int = MEMORY, accounts: Iterable[str] = ()) -> None:
        names = sorted(set(accounts) - {UNKNOWN})
        own = total // _OWN // len(names) if names else 0
        strangers = total // _STRANGERS
        self._left = total - own * len(names) - strangers
        """Bytes of the common rest that nobody holds."""
        self._unknown = _Holder(UNKNOWN, strangers, shares=False)
        self._holders = {name: _Holder(name, own, shares=True) for name in names}
        self.reclaim: Callable[[str], bool] | None = None
        """Called with an account that would be refused: gives back what it can do without, and says whether that was anything."""

    def hold(self, account: str, kind: Kind, most: int = sys.maxsize) -> "Hold":
        """A hold of no bytes yet, which can grow."""
        return Hold(self, self._holders.get(account, self._unknown), kind, most)

    def take(self, account: str, kind: Kind, size: int) -> "Hold | None":
        """A hold of so many bytes; None where the account is refused them."""
        hold = self.hold(account, kind)
        return hold if hold.grow(size) else None

    def totals(self) -> Iterator[tuple[str, str, int]]:
        """Account, kind and bytes, of every kind that an account has held."""
        for holder in (*self._holders.values(), self._unknown):
            for kind, size in holder.kinds.items():
                yield holder.name, kind, size

    def refusals(self) -> Iterator[tuple[str, str, int]]:
        """Account, kind and how often it was refused."""
        for holder in (*self._holders.values(), self._unknown):
            for kind, count in holder.refused.items():
                yield holder.name, kind, count

    @property
    def held(self) -> int:
        """How many bytes are held in all."""
        return sum(size for _, _, size in self.totals())

    def _enter(self, holder: _Holder, kind: Kind, size: int) -> bool:
        """Count bytes as held. Whether they may be."""
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
        """The same, where what the account can do without is given up for it. A refusal is counted."""
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
    """Bytes that an account holds as one thing, until they are released. `size` is how many. `most` is for who fills it: how many bytes
    are wanted of each part that is read into it. `is_over`: they were released. It is a struct, since each ask makes one."""

    budget: MemoryBudget
    holder: _Holder
    kind: Kind
    most: int = sys.maxsize
    size: int = 0
    is_over: bool = False

    @property
    def account(self) -> str:
        """Who holds them."""
        return self.holder.name

    def grow(self, size: int) -> bool:
        """Hold so many bytes more. Whether they were there for this account; what is held already stays held."""
        if self.is_over or not self.budget._enters(self.holder, self.kind, size):
            return False
        self.size += size
        return True

    def shrink(self, size: int) -> None:
        """Give so many bytes back, or all where there are fewer."""
        size = min(size, self.size)
        self.size -= size
        self.budget._leave(self.holder, self.kind, size)

    def release(self) -> None:
        """Give all of it back. It may be called again; from then on this hold grows no more."""
        self.is_over = True
        if self.size:
            self.budget._leave(self.holder, self.kind, self.size)
            self.size = 0

    def become(self, account: str, kind: Kind | None = None) -> bool:
        """Have another account hold the same bytes, or hold them as another kind: a caller has said who it is. Where that account is
        refused them, nothing changes."""
        to = self.budget.hold(account, kind or self.kind)
        if not to.grow(self.size):
            return False
        self.budget._leave(self.holder, self.kind, self.size)
        self.holder, self.kind = to.holder, to.kind
        return True
