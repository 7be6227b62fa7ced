"""`python -m conformance.faults` runs the suite against each wrong server, and writes the table to standard output."""

import sys

from conformance.faults.page import written
from conformance.faults.table import results

if __name__ == "__main__":
    sys.stdout.write(written(list(results())))
