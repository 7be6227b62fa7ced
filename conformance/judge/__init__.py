"""The judge: says of any server, over plain HTTP, whether it is what an API document says.

    requirements (data) ─▶ run ─▶ laws (code, by name) ─▶ target ─▶ the server
                            └▶ verdicts ─▶ reports

It knows nothing of the proxy and reads no mapping table. What it cannot see (a server's contents), it derives from what it reads.
"""
