"""What is done with a token at its provider beside the stack's requests: asking whose it is, and ending it."""

from provisioner.core.definitions.go_url import parse, write_query
from provisioner.core.oauth.kept_token import KeptToken
from provisioner.core.oauth.requests import FORM, Client, Request, TokenMode, basic


def userinfo_request(url: str, kept: KeptToken) -> Request:
    """Asks whose token it is (OpenID Connect Core, section 5.3.1)."""
    headers = {"Accept": "application/json", "Authorization": f"Bearer {kept.token.access_token.reveal()}"}
    return Request("GET", parse(url).place, url, headers, b"")


def revocation_request(url: str, client: Client, kept: KeptToken) -> Request:
    """Ends a token (RFC 7009, section 2.1); with a refresh token, a provider ends the access tokens too."""
    refresh_token = kept.token.refresh_token
    token = kept.token.access_token if refresh_token is None else refresh_token
    kind = "access_token" if refresh_token is None else "refresh_token"
    fields = [("token", str(token.reveal())), ("token_type_hint", kind)]
    secret = str(client.client_secret.reveal())
    headers = {"Accept": "application/json", "Content-Type": FORM}
    if client.token_mode is TokenMode.BASIC:
        headers["Authorization"] = basic(client.client_id, secret)
    else:
        fields += [("client_id", client.client_id), ("client_secret", secret)]
    return Request("POST", parse(url).place, url, headers, write_query(fields).encode())
