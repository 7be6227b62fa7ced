"""The lines of the sandbox about an account that changes providers, pasted one after another into a shell."""

import asyncio
import json
import subprocess
from collections import Counter
from pathlib import Path

from tests.pasted import SECONDS, commands, shell

LINES = 29


def test_the_sandbox_shows_a_change_of_providers_and_the_way_back(tmp_path: Path) -> None:
    async def main(path: str) -> None:
        async with shell(tmp_path, path) as bash:
            await bash.run("sms-translator sandbox --port 0 --messages 20 > lines 2> said & sandbox=$!")
            await bash.run(f"until [ $(wc -l < lines) -ge {LINES} ]; do sleep 0.1; done")
            printed = (tmp_path / "lines").read_text("utf-8").splitlines()
            listed, old, share, sends, status, back, again, history = (
                line for line in printed[18:LINES] if not line.startswith("#")
            )
            real = share.partition(" migrate ")[0]

            async def paste(line: str) -> str:
                quiet = 'curl() { command curl -s "$@"; }; '  # no progress bar, which a person sees beside the answer
                return await bash.run(quiet + line.replace(real, "sms-translator"))

            page, message = json.loads(await paste(listed)), json.loads(await paste(old))
            assert (len(page["messages"]), message["body"]) == (5, "Another test from CPaaS")
            assert page["total"] > 2 * 20
            assert "canary, 50 percent" in await paste(share)
            gone = [line.partition(":")[0] for line in (await paste(sends)).splitlines()]
            assert gone == ["new", "old", "new", "new"]
            assert "stage      canary, 50 percent" in await paste(status)
            assert ": old (generation 3)" in await paste(back)
            assert Counter(line.partition(":")[0] for line in (await paste(again)).splitlines()) == {"old": 4}
            assert json.loads(await paste(listed))["total"] == page["total"] + 8
            assert len((await paste(history)).splitlines()) == 3
            done = await asyncio.to_thread(  # as it stands, in another folder, without this project on any path
                subprocess.run,
                ["sh", "-c", history],
                check=True,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                cwd="/",
            )
            assert done.stdout == f"{await paste(history)}"
            folder = Path(history.rpartition("-c ")[2]).parent
            assert (folder / "store.db").exists()
            await bash.run("kill -INT $sandbox; wait $sandbox")
            assert not folder.exists()
            assert (tmp_path / "said").read_text("utf-8") == ""

    with commands(tmp_path / "bin") as path:
        asyncio.run(main(path))
