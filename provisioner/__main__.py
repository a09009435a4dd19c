"""The program in a process of its own: ``provision``, or ``python -m provisioner``."""

import gc
import sys


def main() -> None:
    """Run the program and exit."""
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
