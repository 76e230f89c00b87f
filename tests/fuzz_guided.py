"""Coverage-guided fuzzing of a reader: `pip install atheris; python -m tests.fuzz_guided go [--runs 100000]`.

For the readers of text, of which the other fuzzer (`tests.fuzz`) knows no structure to change.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

from perfgate import registry
from perfgate.core.model import Run
from perfgate.errors import FileError
from perfgate.formats.document import Document
from tests.fuzz import samples


def main() -> None:
    """Fuzz one reader from its real files on; the library ends the process, with 0 where nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz_guided", description=__doc__)
    parser.add_argument("reader")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    reader = registry.reader_named(given.reader)

    def read(data: bytes) -> None:
        try:
            run = reader.read(Document("fuzzed", data))
        except FileError:
            return
        assert isinstance(run, Run)

    corpus = Path(tempfile.mkdtemp(prefix="perfgate-fuzz-"))
    for number, data in enumerate(samples(given.reader)):
        (corpus / str(number)).write_bytes(data)
        read(data)
    atheris.instrument_all()
    options = [f"-runs={given.runs}", f"-seed={given.seed}", "-max_len=8192", "-timeout=20", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
