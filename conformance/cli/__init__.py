"""The commands of `sms-conformance`. If the first argument is a URL, it names the server to test.

Exit statuses:

    0 good · 1 the verdict is bad · 2 wrong usage · 10 unreachable · 11 credentials refused · 12 stopped by a safety rule
    13 a fault of the suite
"""
