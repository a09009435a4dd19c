"""The page that the browser shows when it comes back from the provider."""

from html import escape

_STYLE = (
    ":root { color-scheme: light dark; } "
    "body { font: 1.1rem/1.5 system-ui, sans-serif; margin: 15vh auto 0; max-width: 34rem; padding: 0 1rem; } "
    "h1 { font-size: 1.5rem; } p { overflow-wrap: anywhere; }"
)
_HIDE = "history.replaceState(null, '', location.pathname);"
"""Removes the code from the address bar, and with it from the browser's history."""

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
    """The page for a sign-in that gave a token."""
    return _page(
        f"{id} is connected",
        f"provision received the token. {written}",
        "Next: close this page, and run your konnector.",
    )


def fragment(id: str, written: str) -> str:
    """The page for a token in the fragment of the address, which the stack does not read."""
    return _page(
        f"{id} is connected, but not for cozy-stack",
        f"provision received the token. {written}",
        "The token was after the # of the address. cozy-stack reads only the part before the #, so connecting from a "
        "Cozy fails with this account type.",
        "Next: ask the provider for a client with the authorization code grant, and use grant_mode authorization_code.",
    )


def failure(id: str, what: str, next: str) -> str:
    """The page for a sign-in that gave no token."""
    return _page(f"{id} is not connected", f"{what}.", f"Next: {next}." if next else "")


def stray(id: str) -> str:
    """The page for an answer that does not belong to the current sign-in."""
    return _page(
        f"Not the expected answer for {id}",
        "This page does not belong to the current sign-in: its address has no code, or the code of another attempt.",
        "Next: open the address shown in the terminal, and sign in there.",
    )


def repeated(id: str) -> str:
    """The page for an answer that came before."""
    return _page(
        f"Already received for {id}",
        "provision already received this answer.",
        "Next: look at the terminal, which shows the result.",
    )


def bare(id: str) -> str:
    """The page for an address without a query: the answer may be in the fragment, which only a script can read."""
    return _page(
        f"No answer for {id} here",
        "The address contains no answer before its #. To read an answer after the #, this page needs JavaScript.",
        "Next: allow JavaScript, and reload the page; or sign in again at the address shown in the terminal.",
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
