"""Reports of a run: one model, five files, and the comparison of two runs.

    verdicts + how the run was made ─▶ Report ─┬▶ junit.xml · results.json · index.html · summary.md · results.sarif
                                               └▶ results.json of two runs ─▶ compare

No report holds a credential, a phone number or a text, unless --show-content was given.
"""
