"""`python -m pq_bench` is `pq-bench`."""

import sys

from pq_bench.cli import main

if __name__ == "__main__":
    sys.exit(main())
