"""The program in a process of its own: ``provision``, or ``python -m provisioner``."""

import gc
import sys
from contextlib import suppress

from provisioner import __version__


def main() -> None:
    """Run the program and exit."""
    if sys.argv[1:] == ["--version"] and sys.stdout is not None:
        with suppress(OSError):  # the program below tells what is wrong with the stream
            sys.stdout.write(f"provision {__version__}\n")
            sys.stdout.flush()
            return
    gc.disable()  # a run is short, and what it makes lives to its end
    try:
        from provisioner.cli import app
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    try:
        app.main()
    finally:
        gc.freeze()  # nor does the end of the interpreter look for cycles in it, which takes 40 ms


if __name__ == "__main__":
    main()
