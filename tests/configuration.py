"""A configuration for tests, and the way in which it is read."""

from pathlib import Path

from translator.shell.config.load import load
from translator.shell.config.settings import Settings

SAMPLE = """
[server]
listen     = "127.0.0.1:8080"
admin      = "127.0.0.1:8081"               # health, metrics; "" turns it off
public_url = "https://sms.example.test"     # how the outside reaches `listen`; needed only for receipts

[store]
url = "sqlite:///translator.db"             # or "postgresql://user@host/db" when several replicas share the work

[callbacks]
allow = []                                   # networks beyond the public ones, e.g. ["127.0.0.1", "10.0.0.0/8"]
poll  = 5.0                                  # seconds between two looks at a back

[backs.provider]
dialect = "properties-v2"
url     = "https://provider.example.test"
timeout = 10.0                               # seconds, whole call
search_params = "both"                       # query | body | both
page_max      = 200
search_order  = "ascending"

[backs.old]
dialect = "restcomm"
url     = "https://old.example.test/restcomm"

[[accounts]]                                 # restcomm in front, properties-v2 behind
front = { dialect = "restcomm", account = "AC00000000000000000000000000000001", token = "${env:FRONT_TOKEN}" }
back  = { name = "provider", account = "A1", property = "S1234567890ABCDE1234567890ABCDEF", token = "${file:secrets/back}" }

[[accounts]]                                 # and back: properties-v2 in front, restcomm behind
front = { dialect = "properties-v2", account = "A2", property = "S1234567890ABCDE1234567890ABCDEG", token = "${env:FRONT2_TOKEN}" }
back  = { name = "old", account = "AC00000000000000000000000000000002", token = "${env:OLD_TOKEN}", sender = "19876543212" }
"""
"""The sample of the interface, as users are shown it."""

ENVIRONMENT = {"FRONT_TOKEN": "f1", "FRONT2_TOKEN": "f2", "OLD_TOKEN": "o:ld"}


def read(folder: Path, text: str = SAMPLE, **environment: str) -> Settings:
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "secrets" / "back").write_text("b4ck\n", "utf-8")
    (folder / "translator.toml").write_text(text, "utf-8")
    return load(folder / "translator.toml", {**ENVIRONMENT, **environment})
