"""`python -m conformance.faults`: a run against each wrong server, and the table of them on standard output."""

import sys

from conformance.faults.page import written
from conformance.faults.table import results

if __name__ == "__main__":
    sys.stdout.write(written(list(results())))
