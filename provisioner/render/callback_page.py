"""The page that the browser shows when it comes back from the provider."""

from provisioner.render.pages import fill_template


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
        read_fragment=True,
    )


def _page(title: str, *paragraphs: str, read_fragment: bool = False) -> str:
    return fill_template("callback", title=title, paragraphs=paragraphs, read_fragment=read_fragment)
