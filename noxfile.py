"""The matrix: every Python that the project declares, and the environments that CI does not have. `make matrix` runs it.

A Python that is not installed is reported as skipped. Nox needs uv, which is in the lock.
"""

import tempfile
from pathlib import Path

import nox

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
LOWEST = PYTHONS[0]

nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False

CORE = [
    f"tests/test_{name}.py"
    for name in ("architecture_page", "cases", "exchange", "formats", "kinds", "planning", "routes", "settings", "store", "tables", "words")
]  # fmt: skip
"""Tests that need neither uvloop nor an extra."""

TOOLS = ("pytest>=9,<10", "hypothesis>=6.130,<7", "packaging>=25", "trustme>=1.2,<2")


def _smoke(session: nox.Session) -> None:
    """Start what a user starts first."""
    session.run("python", "-W", "error", "-m", "translator", "--version")
    session.run(
        "python",
        "-W",
        "error",
        "-m",
        "translator",
        "explain",
        "restcomm",
        "GET /2012-04-24/Accounts/AC1/SMS/Messages.json",
    )
    session.run("python", "-m", "pytest", "-q", *(session.posargs or CORE))  # fmt: skip


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Everything, with the locked versions."""
    session.install("--require-hashes", "--no-deps", "-r", "requirements.lock")
    session.install("--no-deps", "--no-build-isolation", "-e", ".")
    session.run("python", "-m", "pytest", "-q", *session.posargs)


@nox.session(python=LOWEST)
def lowest(session: nox.Session) -> None:
    """The lowest version of each range in pyproject.toml, extras included."""
    with tempfile.TemporaryDirectory() as folder:
        pinned = str(Path(folder) / "lowest.txt")
        session.run_install(
            "uv", "pip", "compile", "pyproject.toml", "--all-extras", "--resolution", "lowest-direct",
            "--python-version", LOWEST, "--quiet", "--output-file", pinned, external=True,
        )  # fmt: skip
        session.install("-r", pinned)
        session.install("-c", pinned, *TOOLS)
    session.install("--no-deps", ".")
    _smoke(session)


@nox.session(python=LOWEST)
def without_uvloop(session: nox.Session) -> None:
    """The locked versions on the event loop of asyncio."""
    session.install("--require-hashes", "--no-deps", "-r", "requirements.lock")
    session.run_install("uv", "pip", "uninstall", "uvloop", external=True)
    session.install("--no-deps", "--no-build-isolation", "-e", ".")
    _smoke(session)


@nox.session(python=LOWEST)
def without_extras(session: nox.Session) -> None:
    """The plain `pip install sms-translator`: no driver for PostgreSQL, no libphonenumber."""
    session.install(".", *TOOLS)
    _smoke(session)
