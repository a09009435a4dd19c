"""What the browser shows when it comes back from the provider."""

from html import escape

_STYLE = (
    ":root { color-scheme: light dark; } "
    "body { font: 1.1rem/1.5 system-ui, sans-serif; margin: 15vh auto 0; max-width: 34rem; padding: 0 1rem; } "
    "h1 { font-size: 1.5rem; } p { overflow-wrap: anywhere; }"
)
_HIDE = "history.replaceState(null, '', location.pathname);"
"""The code leaves the address bar, and so the browser's history."""

_HAND_OVER = """
const given = new URLSearchParams(location.hash.slice(1));
if ([...given].length) {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = location.pathname;
  for (const [name, value] of given) {
    const field = document.createElement('input');
    field.type = 'hidden';
    field.name = name;
    field.value = value;
    form.append(field);
  }
  history.replaceState(null, '', location.pathname);
  document.body.append(form);
  HTMLFormElement.prototype.submit.call(form);
}
"""


def success(id: str, written: str) -> str:
    """The token is there."""
    return _page("Connected", f"The token of {id} is there. {written} You can close this page.")


def fragment(id: str, written: str) -> str:
    """The token is there, by a way that the stack does not see."""
    return _page(
        "Connected, but not for cozy-stack",
        f"The token of {id} is there. {written}",
        "It came behind the # of the address. cozy-stack itself only reads the query, before the #: with this account "
        "type, connecting from a Cozy fails.",
    )


def failure(what: str, next: str) -> str:
    """No token."""
    return _page("Not connected", f"{what}.", f"Next: {next}." if next else "")


def stray() -> str:
    """Something else than the answer that is waited for."""
    return _page(
        "Not the answer that is waited for",
        "This page was not opened by the sign-in that is under way: it has no code, or that of another attempt.",
        "Open the address that the terminal shows, and sign in there.",
    )


def repeated() -> str:
    """The same answer once more."""
    return _page("Already done", "An answer came already, and each counts once. The terminal shows what became of it.")


def bare() -> str:
    """No query: the answer may be in the fragment, which only a script can see."""
    return _page(
        "No answer here",
        "The address has no answer in its query. An answer behind the # is handed over by a script: let it run, and "
        "load the page again.",
        script=_HAND_OVER,
    )


def _page(title: str, *paragraphs: str, script: str = _HIDE) -> str:
    text = "\n".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs if paragraph)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{text}
<script>{script}</script>
</body>
</html>
"""
