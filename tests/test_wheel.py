"""An installation elsewhere works: the wheel, in an environment that has nothing of the checkout."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECONDS = 300  # for a package index at its slowest; it is a matter of a few


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Return the output of a command, out and err. A failure shows it."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=env,
        check=False,
        text=True,
        timeout=SECONDS,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (made,) = folder.glob("sms_translator-*-py3-none-any.whl")
    return made


@pytest.fixture
def elsewhere(wheel: Path, tmp_path: Path) -> Path:
    """A new environment with the wheel and its own requirements, at the locked versions."""
    venv.create(tmp_path / "venv", symlinks=True)
    lock = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    pins = [line.removesuffix("\\").strip() for line in lock if line and not line.startswith((" ", "#"))]
    (tmp_path / "pins.txt").write_text("\n".join(pins), "utf-8")
    pip = (sys.executable, "-m", "pip", "--python", tmp_path / "venv", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "-c", "pins.txt", wheel, cwd=tmp_path)
    run(*pip, "check", cwd=tmp_path)
    return tmp_path / "venv"


def test_the_wheel_carries_engine_judge_and_tables_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tables = {path.name for path in (ROOT / "mappings").iterdir()}
    assert {"restcomm.toml", "properties_v2.toml"} <= tables
    assert {name for name in names if "mappings" in name} == {f"translator/mappings/{name}" for name in tables}
    assert {"translator/py.typed", "conformance/py.typed", "translator/core/model.py"} <= names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"translator", "conformance"}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_installed_command_finds_its_tables(elsewhere: Path, tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    said = run(elsewhere / "bin" / "sms-translator", "mappings", cwd=tmp_path, env=bare)
    assert "restcomm" in said
    assert "properties-v2" in said
