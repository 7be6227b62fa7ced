"""The suite itself: it tests over plain HTTP whether a server does what an API document says.

    requirements (data) ─▶ run ─▶ laws (code, by name) ─▶ target ─▶ the server
                            └▶ verdicts ─▶ reports

The suite knows nothing of the proxy and reads no mapping table. It cannot see the contents of a server, so it derives them from
the responses.
"""
