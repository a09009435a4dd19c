"""The program in a process of its own: ``provision``, or ``python -m provisioner``."""

import gc


def main() -> None:
    """Run the program and exit."""
    gc.disable()  # a run is short, and what it makes lives to its end
    from provisioner.cli import app

    app.main()


if __name__ == "__main__":
    main()
