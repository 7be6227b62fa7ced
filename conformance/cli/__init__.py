"""The commands of `sms-conformance`. A first argument that is a URL is a target, else a command.

Exit status: 0 good · 1 the verdict is bad · 2 wrong usage · 10 unreachable · 11 credentials refused · 12 stopped by a safety rule ·
13 our own fault.
"""
