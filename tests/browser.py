"""A real browser for a page: Debian's Chromium without a window. The page is measured by a script that only the test adds to it."""

import json
import re
import shutil
import subprocess
import tempfile
from html import unescape
from pathlib import Path
from typing import Final, NamedTuple

FOUND: Final = shutil.which("chromium")

NOT_HERE: Final = "there is no Chromium here: apt-get install chromium"

SECONDS: Final = 60

_FLAGS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip

_MEASURE: Final = """<script>
addEventListener('load', () => {
  const channels = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const linear = (value) => { const part = value / 255; return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; };
  const luminance = ([red, green, blue]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  let texts = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.data.trim() || !element.getClientRects().length || ['SCRIPT', 'METER'].includes(element.tagName)) continue;
    texts += 1;
    const [ink, paper] = [channels(getComputedStyle(element).color), ground(element)].map(luminance);
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < 4.5) faint.push(`${contrast.toFixed(2)}: ${node.data.trim().slice(0, 60)}`);
  }
  const found = {
    faint, texts, ground: getComputedStyle(document.body).backgroundColor, width: innerWidth,
    overflow: Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth),
    requests: performance.getEntriesByType('resource').map((entry) => entry.name),
  };
  document.body.innerHTML = '<pre id="found"></pre>';
  document.getElementById('found').textContent = JSON.stringify(found);
});
</script>"""


class Look(NamedTuple):
    """The look of a page.

    `texts` counts all texts, and `faint` lists those with too little contrast (the contrast and the text). `ground` is the colour of
    the background.
    `overflow` is the number of pixels by which the page is wider than the window. `requests` lists what the page asked the network for.
    """

    texts: int
    faint: list[str]
    ground: str
    overflow: int
    requests: list[str]


def look(page: str, *, width: int, is_dark: bool) -> Look:
    """Show a page in a window of that many pixels, and measure it. Raises CalledProcessError."""
    assert FOUND is not None
    # A headless window has a least width, so a narrow page is shown in a frame of its own.
    style = f"border:0;width:{width}px;height:900px"
    frame = f'<!doctype html><body style="margin:0"><iframe src="page.html" style="{style}"></iframe>'
    copy = (
        "<script>addEventListener('message', (told) => { document.body.innerHTML = '<pre id=\"found\"></pre>';"
        "document.getElementById('found').textContent = told.data; });</script>"
    )
    tell = _MEASURE.replace(
        "document.body.innerHTML = '<pre id=\"found\"></pre>';\n  document.getElementById('found').textContent = JSON.stringify(found);",
        "parent.postMessage(JSON.stringify(found), '*');",
    )
    with tempfile.TemporaryDirectory(prefix="browser-") as folder:
        (Path(folder) / "page.html").write_text(page.replace("</body>", tell + "</body>"), "utf-8")
        (Path(folder) / "frame.html").write_text(frame + copy + "</body>", "utf-8")
        flags = [
            *_FLAGS,
            f"--user-data-dir={folder}/profile",
            "--virtual-time-budget=4000",
            "--window-size=1400,1000",
            "--dump-dom",
        ]
        flags += ["--blink-settings=preferredColorScheme=0"] if is_dark else ["--blink-settings=preferredColorScheme=1"]
        done = subprocess.run(
            [FOUND, *flags, (Path(folder) / "frame.html").as_uri()],
            capture_output=True,
            check=True,
            text=True,
            timeout=SECONDS,
        )
    shown = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert shown is not None, done.stdout[:2000]
    found = json.loads(unescape(shown[1]))
    assert found["width"] == width
    return Look(found["texts"], found["faint"], found["ground"], found["overflow"], found["requests"])
