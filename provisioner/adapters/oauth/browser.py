"""Opens a page in the person's browser."""

import os
import sys
import threading


def open_page(url: str) -> bool:
    """Start to open a page, and say whether there is a desktop to open it on: a terminal's browser is not asked for.

    Nothing waits for the browser, which may itself wait for an answer from us.
    """
    desktop = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    if desktop:
        import webbrowser  # it looks for browsers when it is imported

        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    return desktop
