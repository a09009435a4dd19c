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
    app.main()


if __name__ == "__main__":
    main()
