"""Opens a page in the person's browser."""

import os
import sys
import webbrowser


def open_page(url: str) -> bool:
    """Open a page, unless there is no desktop here: a browser in the terminal would take it over."""
    desktop = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    return desktop and webbrowser.open(url)
