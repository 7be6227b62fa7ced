"""Accounts with a home at each of two providers."""

from tests.exchanges import dialects
from translator.core.accounts import Account, ConfiguredProvider, Endpoint


def account(front: str, new: str, old: str) -> Account:
    spoken = dialects()

    def home(name: str, dialect: str, behind: Account | None = None) -> Account:
        prop = "S1" if dialect == "properties-v2" else ""
        return Account(
            Endpoint(spoken[front], "AC1", "S9" if front == "properties-v2" else "", "t"),
            ConfiguredProvider(name, spoken[dialect]),
            Endpoint(spoken[dialect], f"A-{name}", prop, "t"),
            False,
            behind,
        )

    return home("new", new, home("old", old))
