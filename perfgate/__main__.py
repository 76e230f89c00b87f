"""`perfgate` and `python -m perfgate`."""

import gc
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(200_000, 20, 20)  # a third of the time of a large file went into looking for cycles; there are few
    from perfgate.cli import main as cli  # noqa: PLC0415 - so that a crash while importing is 70 too
    from perfgate.cli import streams  # noqa: PLC0415

    guarded = streams.guard()
    sys.exit(guarded.finish(cli.run(sys.argv[1:])))


if __name__ == "__main__":
    main()
