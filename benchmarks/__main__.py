"""`python -m benchmarks NAME`: run one benchmark; its last line is the result, its exit status the verdict."""

import importlib
import sys
from collections.abc import Callable
from typing import cast

NAMES = ("cabinet", "campaign", "changes", "chat", "journey", "naive", "previews", "push", "segment", "sockets")


def main() -> int:
    names = sys.argv[1:] or ["cabinet"]
    if len(names) != 1 or names[0] not in NAMES:
        print(f"python -m benchmarks {'|'.join(NAMES)}")
        return 2
    run = cast("Callable[[], int]", importlib.import_module(f"benchmarks.{names[0]}").main)
    return run()


if __name__ == "__main__":
    sys.exit(main())
