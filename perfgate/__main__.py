"""`perfgate` and `python -m perfgate`."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from perfgate.cli import main as cli  # noqa: PLC0415 - so that a crash while importing is 70 too

    sys.exit(cli.run(sys.argv[1:]))


if __name__ == "__main__":
    main()
