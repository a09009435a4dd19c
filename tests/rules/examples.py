"""Both sides of each rule: catalogues in which it finds something, and catalogues close by in which it does not."""

import ast
from dataclasses import dataclass
from pathlib import Path

Files = dict[str, str]

CODE = """\
grant_mode: authorization_code
auth_endpoint: https://provider.example/authorize
token_endpoint: https://provider.example/token
"""
SECRET = "grant_mode: secret\nslug: {slug}\n"
IMPLICIT = "grant_mode: token\nauth_endpoint: https://provider.example/authorize\n"
BI = """\
grant_mode: bi_webview
auth_endpoint: https://bank.example/connect
redirect_uri: https://oauthcallback.cozy.example/accounts/a/redirect
reconnect_endpoint: https://bank.example/reconnect
manage_endpoint: https://bank.example/manage
"""
GOOGLE = """\
grant_mode: authorization_code
auth_endpoint: https://accounts.google.com/o/oauth2/v2/auth
token_endpoint: https://accounts.google.com/o/oauth2/token
"""
PUSH = "fcm_credentials: {{project_id: x}}\nslug: {slug}\n"


OF_BANK = ("client_id", "code", "connection_id", "redirect_uri", "state")


@dataclass(frozen=True)
class Sides:
    """`bad`: catalogues with the file and line where the rule is reported; `good`: those where it is not."""

    bad: tuple[tuple[Files, str], ...]
    good: tuple[Files, ...]


def one(text: str) -> Files:
    return {"a.yaml": text}


def redirect(uri: str) -> str:
    return f"{CODE}redirect_uri: {uri}\n"


def token(url: str) -> str:
    return CODE.replace("https://provider.example/token", url)


DOCUMENT = {
    "redirect-path": Sides(
        bad=(
            (one(redirect("https://oauthcallback.${domain}/accounts/b/redirect")), "a.yaml:4:15"),
            (one(redirect("https://oauthcallback.${domain}/accounts/%61/redirect")), "a.yaml:4:15"),
            (one(redirect("https://oauthcallback.x.example/accounts/a/%72edirect")), "a.yaml:4:15"),
            (one(redirect('"https://oauthcallback.x.example;/accounts/a/redirect/"')), "a.yaml:4:15"),
            (one(redirect("https://oauthcallback.${domain}/accounts/a/redirect/")), "a.yaml:4:15"),
            (one(redirect("https://oauthcallback.${domain}")), "a.yaml:4:15"),
            (one(BI.replace("accounts/a", "accounts/A")), "a.yaml:3:15"),
            ({"ctx/a.yaml": redirect("https://x.example/accounts/ctx/a/redirect")}, "ctx/a.yaml:4:15"),
        ),
        good=(
            one(redirect("https://oauthcallback.${domain}/accounts/a/redirect")),
            one(redirect("https://oauthcallback.x.example/accounts/a/redirect?x=1")),
            one(redirect("HTTPS://OauthCallback.x.example/accounts/a/redirect")),
            {"a b.yaml": redirect("https://oauthcallback.x.example/accounts/a%20b/redirect")},
            one(redirect("https://oauthcallback.x.example/accounts/${id}/redirect")),
            one(redirect("${redirect}")),
            one(redirect("${base}/accounts/b/redirect")),
            one(redirect('""')),
            one(f"{SECRET.format(slug='a')}redirect_uri: https://x.example/\n"),
            one(CODE),
            {"ctx/a.yaml": redirect("https://x.example/accounts/a/redirect")},
        ),
    ),
    "context-without-redirect": Sides(
        bad=(
            ({"ctx/a.yaml": CODE}, "ctx/a.yaml:1:13"),
            ({"ctx/a.yaml": f'{CODE}redirect_uri: ""\n'}, "ctx/a.yaml:4:15"),
            ({"ctx/a.yaml": IMPLICIT}, "ctx/a.yaml:1:13"),
            ({"ctx/a.yaml": BI.replace("redirect_uri", "x-redirect")}, "ctx/a.yaml:1:13"),
            (one(f"_id: /a\n{CODE}"), "a.yaml:2:13"),
            (one(f"_id: ctx/a\n{CODE}"), "a.yaml:2:13"),
        ),
        good=(
            {"ctx/a.yaml": f"{CODE}redirect_uri: https://oauthcallback.x.example/accounts/a/redirect\n"},
            one(CODE),
            {"ctx/a.yaml": f"{CODE}redirect_uri: ${{redirect}}\n"},
            {"ctx/a.yaml": SECRET.format(slug="a")},
        ),
    ),
    "implicit-redirect": Sides(
        bad=(
            (one(f"{IMPLICIT}redirect_uri: https://oauthcallback.${{domain}}/accounts/a/redirect\n"), "a.yaml:3:15"),
            (
                one(
                    f"{IMPLICIT.replace('token', 'token_redirect_url')}"
                    "redirect_uri: https://oauthcallback.x.example/accounts/a/redirect\n"
                ),
                "a.yaml:3:15",
            ),
        ),
        good=(
            one(f"{IMPLICIT}redirect_uri: https://${{host}}/accounts/a/redirect\n"),
            one(IMPLICIT),
            one(f"{IMPLICIT}redirect_uri: https://alice.${{domain}}/accounts/a/redirect\n"),
            one(f"{IMPLICIT}redirect_uri: https://${{callback}}.x.example/accounts/a/redirect\n"),
            one(redirect("https://oauthcallback.${domain}/accounts/a/redirect")),
        ),
    ),
    "foreign-endpoint": Sides(
        bad=(
            (one(token("https://elsewhere.example/token")), "a.yaml:3:17"),
            (one(token("https://${tenant}.elsewhere.example/token")), "a.yaml:3:17"),
            (one(CODE.replace("provider.example", "a.co.uk", 1).replace("provider", "b.co.uk")), "a.yaml:3:17"),
            (one(token("http://localhost:8080/token")), "a.yaml:3:17"),
            (one(f"x-domains: [provider.example]\n{token('https://elsewhere.example/token')}"), "a.yaml:4:17"),
            (one(BI.replace("bank.example/manage", "elsewhere.example/manage")), "a.yaml:5:18"),
        ),
        good=(
            one(CODE),
            one(token("https://api.provider.example/token")),
            one(token("https://API.Provider.example/token")),
            one(
                CODE.replace("provider.example", "a.provider.co.uk", 1).replace("provider.example", "b.provider.co.uk")
            ),
            one(token("https://${host}/token")),
            one(token("https://${tenant}.co.uk/token")),
            one(token("https://${tenant}.provider.example/token")),
            one(f"x-domains: [provider.example, elsewhere.example]\n{token('https://api.elsewhere.example/token')}"),
            one(
                CODE.replace("https://provider.example/token", "http://127.0.0.1:1/token").replace(
                    "https://provider.example/authorize", "http://localhost:2/authorize"
                )
            ),
        ),
    ),
    "plain-http": Sides(
        bad=(
            (one(token("http://provider.example/token")), "a.yaml:3:17"),
            (one(CODE.replace("https", "http", 1)), "a.yaml:2:16"),
            (one(token("http://localhost.provider.example/token")), "a.yaml:3:17"),
            (one(BI.replace("https://bank.example/reconnect", "http://bank.example/reconnect")), "a.yaml:4:21"),
        ),
        good=(
            one(CODE),
            one(token("http://localhost:8080/token")),
            one(token("http://cozy.localhost:8080/token")),
            one(token("http://127.0.0.1/token")),
            one(token('"http://[::1]:80/token"')),
            one(token("http://${host}/token")),
        ),
    ),
    "url-fragment": Sides(
        bad=(
            (one(token("https://provider.example/token#x")), "a.yaml:3:17"),
            (one(CODE.replace("authorize", "#/authorize")), "a.yaml:2:16"),
            (one(redirect("https://oauthcallback.${domain}/accounts/a/redirect#x")), "a.yaml:4:15"),
        ),
        good=(one(CODE), one(token("https://provider.example/token?x=%23"))),
    ),
    "url-user-info": Sides(
        bad=(
            (one(token("https://user:marker@provider.example/token")), "a.yaml:3:17"),
            (one(token("https://${user}:${password}@provider.example/token")), "a.yaml:3:17"),
            (one(token("https://@provider.example/token")), "a.yaml:3:17"),
        ),
        good=(
            one(CODE),
            one(f"{token('https://@provider.example/token')}token_mode: basic\n"),
            one(CODE.replace("provider.example/auth", "@provider.example/auth")),
            one(token("https://provider.example/@token")),
            one(token("https://provider.example/token?u=a@b")),
        ),
    ),
    "url-unreadable": Sides(
        bad=(
            (one(token("https://provider.example/to%ken")), "a.yaml:3:17"),
            (one(token("https://provider.example:port/token")), "a.yaml:3:17"),
            (one(token("https://provider.example:99999/token")), "a.yaml:3:17"),
            (one(token("https://provider..example/token")), "a.yaml:3:17"),
            (one(token("https:///token")), "a.yaml:3:17"),
            (one(token("https://0x7f.1/token")), "a.yaml:3:17"),
            (one(token("https://-a.example/token")), "a.yaml:3:17"),
            (one(token("https://a'b.example/token")), "a.yaml:3:17"),
            (one(token(f"https://{'a.' * 130}example/token")), "a.yaml:3:17"),
            (one(token("https://12345/token")), "a.yaml:3:17"),
            (one(token("https://ab--\u00f6.example/token")), "a.yaml:3:17"),
            (one(token("https://https://provider.example/token")), "a.yaml:3:17"),
            (one(token("https://provider.example:0/token")), "a.yaml:3:17"),
            (one(token("https://provider.example/to\\ken")), "a.yaml:3:17"),
            (one(CODE.replace("provider.example/auth", "xn--a.example/auth")), "a.yaml:2:16"),
            (one(CODE.replace("provider.example/auth", "https//auth")), "a.yaml:2:16"),
            (one(CODE.replace("provider.example/auth", "provider.example:00/auth")), "a.yaml:2:16"),
            (one(CODE.replace("example/auth", "example/oauth\\auth")), "a.yaml:2:16"),
            (one(CODE.replace("provider.example/auth", '"[::1%25lo]/auth"')), "a.yaml:2:16"),
            (one(BI.replace("bank.example/manage", "bank.example:0/manage")), "a.yaml:5:18"),
            (one(BI.replace("bank.example/reconnect", "http://bank.example/reconnect")), "a.yaml:4:21"),
            (one(BI.replace("/manage", "/a\\manage")), "a.yaml:5:18"),
            (one(redirect("https:///accounts/a/redirect")), "a.yaml:4:15"),
            (one(redirect("https://oauthcallback.x.example:0/accounts/a/redirect")), "a.yaml:4:15"),
            (one(redirect("https://xn--a.example/accounts/a/redirect")), "a.yaml:4:15"),
            (one(token(f"https://{'a' * 64}.example/token")), "a.yaml:3:17"),
            (one(token('"https://provider.example/\\u0001token"')), "a.yaml:3:17"),
            (one(token("https://${host}/to%ken")), "a.yaml:3:17"),
            (one(CODE.replace("provider.example/auth", "provider.1/auth")), "a.yaml:2:16"),
            (one(BI.replace("bank.example/reconnect", "bank<.example/reconnect")), "a.yaml:4:21"),
            (one(redirect("https://oauthcallback.{domain}/accounts/a/redirect")), "a.yaml:4:15"),
        ),
        good=(
            one(CODE),
            one(token("HTTPS://Provider.Example:8443/a%20b/token;v=1?x=%zz")),
            one(token('"https://[::1]:9100/token"')),
            one(token("https://${host}:${port}/token")),
            one(CODE.replace("provider.example/auth", "b\u00fccher.example/auth")),
            one(CODE.replace("provider.example/auth", "0x7f.1/auth")),
            one(token('"https://[::1%25lo]:9100/token"')),
            one(token("https://\U0001f600.example/token")),
            one(CODE.replace("/authorize", "/authorize?a=b\\c")),
            one(redirect("https://oauthcallback.x.example\\accounts\\a/redirect")),
        ),
    ),
    "host-mapped": Sides(
        bad=tuple(
            (one(token(f'"https://{host}/token"')), "a.yaml:3:17")
            for host in (
                "PR\u00d6VIDER.example",
                "pro\u0308vider.example",
                "\uff50.example",
                "a\u3002example",
                "\u2460.example",
            )
        ),
        good=(
            one(token("https://pr\u00f6vider.example/token")),
            one(token("https://PROVIDER.example/token")),
            one(token("https://\U0001f600.example/token")),
            one(CODE.replace("provider.example/auth", "PR\u00d6VIDER.example/auth")),
        ),
    ),
    "query-dropped": Sides(
        bad=(
            (one(CODE.replace("/authorize", "/authorize?a=b;c=d")), "a.yaml:2:16"),
            (one(CODE.replace("/authorize", "/authorize?x=1&a=%zz")), "a.yaml:2:16"),
            (one(BI.replace("/manage", "/manage?a=b;c")), "a.yaml:5:18"),
            (one(BI.replace("/reconnect", "/reconnect?a=%zz")), "a.yaml:4:21"),
        ),
        good=(
            one(CODE.replace("/authorize", "/authorize?a=b%3Bc=d")),
            one(CODE.replace("/authorize", "/authorize?a=b%3Bc&d=${e}")),
            one(token("https://provider.example/t?a;b")),
            one(BI.replace("/manage", "/manage?a=${b}").replace("/reconnect", "/reconnect?a=b%3Bc")),
        ),
    ),
    "redirect-query": Sides(
        bad=(
            (one(redirect("https://oauthcallback.${domain}/accounts/a/redirect?code=1")), "a.yaml:4:15"),
            (one(redirect("https://oauthcallback.x.example/accounts/a/redirect?x=1&%73tate")), "a.yaml:4:15"),
        ),
        good=(
            one(redirect("https://oauthcallback.${domain}/accounts/a/redirect")),
            one(redirect("https://oauthcallback.x.example/accounts/a/redirect?State=1")),
        ),
    ),
    "redirect-to-app": Sides(
        bad=((one(redirect("https://home.alice.x.example/accounts/a/redirect")), "a.yaml:4:15"),),
        good=(
            one(redirect("https://alice.x.example/accounts/a/redirect")),
            one(redirect("https://home.example/accounts/a/redirect")),
        ),
    ),
    "get-with-query": Sides(
        bad=(
            (one(f"{token('https://provider.example/token?v=1')}token_mode: get\n"), "a.yaml:3:17"),
            (one(f"{token('https://provider.example/token?')}token_mode: get\n"), "a.yaml:3:17"),
            (one(f"{token('https://provider.example/token#')}token_mode: get\n"), "a.yaml:3:17"),
        ),
        good=(
            one(f"{CODE}token_mode: get\n"),
            one(f"{token('https://provider.example/token?v=1')}token_mode: basic\n"),
            one(f"{token('https://provider.example/token?v=1')}token_mode: ${{mode}}\n"),
        ),
    ),
    "no-token-endpoint": Sides(
        bad=(
            (one(CODE.rpartition("token_endpoint")[0]), "a.yaml:1:13"),
            (one(token('""')), "a.yaml:3:17"),
            (one(f"{CODE.rpartition('token_endpoint')[0]}slug: a\n".replace("_code", "_code+secret")), "a.yaml:1:13"),
        ),
        good=(one(CODE), one(token("${token_endpoint}")), one(IMPLICIT), one(BI)),
    ),
    "bi-endpoints": Sides(
        bad=(
            (one(BI.replace("manage_endpoint", "x-manage")), "a.yaml:1:13"),
            (one(BI.replace("reconnect_endpoint", "x-reconnect")), "a.yaml:1:13"),
        ),
        good=(
            one(BI),
            one(BI.replace("webview", "webauth").replace("manage_endpoint", "x-manage")),
            one(redirect('""')),
            one(BI.replace("https://oauthcallback.cozy.example/accounts/a/redirect", "${redirect}")),
            one(BI.replace("https://oauthcallback.cozy.example/accounts/a/redirect", '""')),
            one(BI.replace("redirect_uri", "x-redirect")),
        ),
    ),
    "bi-same-page": Sides(
        bad=((one(BI.replace("bank.example/manage", "bank.example/reconnect")), "a.yaml:5:18"),),
        good=(
            one(BI),
            one(BI.replace("https://bank.example/manage", "${manage}")),
            one(BI.replace("bank.example/manage", "bank.example/reconnect").replace("bi_webview", "token")),
        ),
    ),
    "bi-token-endpoint": Sides(
        bad=((one(f"{BI}token_endpoint: https://bank.example/token\n"), "a.yaml:6:17"),),
        good=(one(BI), one(f'{BI}token_endpoint: ""\n'), one(CODE)),
    ),
    "ignored-key": Sides(
        bad=((one(f"{CODE}manage_endpoint: https://provider.example/manage\n"), "a.yaml:4:18"),),
        good=(one(BI), one(f"{CODE}x-manage: https://provider.example/manage\n")),
    ),
    "get-leaks-secret": Sides(
        bad=((one(f"{CODE}token_mode: get\n"), "a.yaml:4:13"),),
        good=(one(f"{CODE}token_mode: form\n"), one(f"{CODE}token_mode: ${{mode}}\n"), one(CODE)),
    ),
    "secret-never-used": Sides(
        bad=(
            (one(f"{CODE}secret: ${{s}}\n"), "a.yaml:4:9"),
            (one("fcm_credentials: {a: b}\nsecret: ${s}\n"), "a.yaml:2:9"),
        ),
        good=(
            one(CODE),
            one(f"{SECRET.format(slug='a')}secret: ${{s}}\n"),
            one(f"{CODE}secret: ''\n"),
            one("grant_mode: ${mode}\nsecret: ${s}\n"),
        ),
    ),
    "missing-credentials": Sides(
        bad=(
            (one(f"{SECRET.format(slug='a')}secret: ''\n"), "a.yaml:3:9"),
            (one(f"{CODE}client_id: ''\n"), "a.yaml:4:12"),
        ),
        good=(one(SECRET.format(slug="a")), one(f"{SECRET.format(slug='a')}secret: ${{s}}\n"), one(CODE)),
    ),
    "refused-grant-mode": Sides(
        bad=((one(CODE.replace("authorization_code", "refresh_token")), "a.yaml:1:13"),),
        good=(one(CODE), one(CODE.replace("authorization_code", "${refresh_token}"))),
    ),
    "reserved-parameter": Sides(
        bad=(
            (one(f"{CODE}extras: {{client_id: x}}\n"), "a.yaml:4:21"),
            (one(f"{CODE}extras: {{redirect_uri: x}}\n"), "a.yaml:4:24"),
            (one(f"{CODE}extras: {{response_type: x}}\n"), "a.yaml:4:25"),
            (one(f"{CODE}extras: {{scope: x}}\n"), "a.yaml:4:17"),
            (one(f"{CODE}extras: {{state: x}}\n"), "a.yaml:4:17"),
            (one(f"{CODE}skip_redirect_uri_on_authorize: false\nextras: {{redirect_uri: x}}\n"), "a.yaml:5:24"),
            (one(CODE.replace("authorize", "authorize?state=x")), "a.yaml:2:16"),
            (one(BI.replace("/connect", "/connect?code=x")), "a.yaml:2:16"),
            (one(BI.replace("/connect", "/connect?connector_ids=x")), "a.yaml:2:16"),
            *((one(BI.replace("/manage", f"/manage?{name}=x")), "a.yaml:5:18") for name in OF_BANK),
            *((one(BI.replace("/reconnect", f"/reconnect?{name}=x")), "a.yaml:4:21") for name in OF_BANK),
            (one(f"{IMPLICIT.replace('token', 'token_redirect_url')}extras: {{redirect_url: x}}\n"), "a.yaml:3:24"),
        ),
        good=(
            one(f"{CODE}extras: {{access_type: offline}}\n"),
            one(f"{CODE}skip_redirect_uri_on_authorize: true\nextras: {{redirect_uri: x}}\n"),
            one(f"{IMPLICIT.replace('token', 'token_redirect_url')}extras: {{client_id: x}}\n"),
            one(f"{BI}extras: {{response_type: x}}\n"),
            one(BI.replace("/manage", "/manage?token=x&scope=y").replace("/reconnect", "/reconnect?a=1&a=2")),
            one(f"{CODE}manage_endpoint: https://bank.example/manage?code=x\n"),
        ),
    ),
    "parameter-twice": Sides(
        bad=((one(f"{CODE.replace('authorize', 'authorize?p=1')}extras: {{p: '2'}}\n"), "a.yaml:4:13"),),
        good=(
            one(CODE.replace("authorize", "authorize?p=1")),
            one(CODE.replace("authorize", "authorize?resource=a&resource=b&p=1&%70=1")),
            one(f"{CODE.replace('authorize', 'authorize?p=1')}extras: {{P: '2'}}\n"),
            one(f"{CODE.replace('authorize', 'authorize?state=1')}extras: {{state: '2'}}\n"),
            one(f"{CODE.replace('authorize', 'authorize?${p}=1')}extras: {{p: '2'}}\n"),
        ),
    ),
    "extras-not-strings": Sides(
        bad=((one(f"{CODE}extras: {{a: true}}\n"), "a.yaml:4:13"), (one(f"{CODE}extras: {{a: 1}}\n"), "a.yaml:4:13")),
        good=(one(f"{CODE}extras: {{a: 'true'}}\n"),),
    ),
    "google-offline": Sides(
        bad=(
            (one(GOOGLE), "a.yaml:2:16"),
            (one(f"{GOOGLE}extras: {{access_type: offline}}\n"), "a.yaml:4:9"),
            (one(f"{GOOGLE}extras: {{prompt: consent}}\n"), "a.yaml:4:9"),
        ),
        good=(
            one(f"{GOOGLE}extras: {{access_type: offline, prompt: consent}}\n"),
            one(f"{GOOGLE}extras: {{access_type: offline, prompt: consent select_account}}\n"),
            one(f"{GOOGLE}extras: {{access_type: offline, approval_prompt: force}}\n"),
            one(f"{GOOGLE}extras: {{access_type: '${{access}}', prompt: '${{prompt}}'}}\n"),
            one(GOOGLE.replace("v2/auth", "v2/auth?access_type=offline&prompt=consent")),
            one(CODE),
        ),
    ),
    "id-not-plain": Sides(
        bad=(
            ({"ma strava.yaml": CODE}, "ma strava.yaml:1:1"),
            ({"é.yaml": CODE}, "é.yaml:1:1"),
            (one(f"_id: a?b\n{CODE}"), "a.yaml:1:6"),
            (one(f"_id: con\n{CODE}"), "a.yaml:1:6"),
        ),
        good=(
            {"a-b_c.d.yaml": CODE},
            {"ctx/b.yaml": SECRET.format(slug="b"), "b.yaml": SECRET.format(slug="c")},
            {"a@b.yaml": CODE},
        ),
    ),
    "template-value": Sides(
        bad=((one(CODE.replace("/authorize", "/oauth/authorize")), "a.yaml:2:16"),),
        good=(one(CODE),),
    ),
    "id-not-a-segment": Sides(
        bad=(
            (one(f"_id: '..'\n{CODE}"), "a.yaml:1:6"),
            ({"a@b.yaml": CODE}, "a@b.yaml:1:1"),
            (one(f"_id: a:b\n{CODE}"), "a.yaml:1:6"),
            (one(f'_id: "a\\tb"\n{CODE}'), "a.yaml:1:6"),
        ),
        good=(
            one(f"_id: a\n{CODE}"),
            {"a-b_c.d~1!*'().yaml": CODE},
            {"a b.yaml": CODE},
            {"é.yaml": CODE},
            one(f"_id: a?b#c%d\n{CODE}"),
            one(f"_id: a@b/c\n{SECRET.format(slug='c')}"),
            one(f"_id: ${{id}}\n{CODE}"),
            {"a b/c.yaml": SECRET.format(slug="c"), "c.yaml": SECRET.format(slug="d")},
        ),
    ),
    "plus-in-id": Sides(
        bad=(
            ({"c++.yaml": CODE}, "c++.yaml:1:1"),
            (one(f"_id: a+b/c\n{SECRET.format(slug='c')}"), "a.yaml:1:6"),
        ),
        good=({"c%2B.yaml": CODE}, one(f"_id: ${{id}}\n{CODE}")),
    ),
    "slug-of-no-konnector": Sides(
        bad=(
            (one(SECRET.format(slug="Probe")), "a.yaml:2:7"),
            (one(SECRET.format(slug="'probe '")), "a.yaml:2:7"),
            (one(f"{CODE}slug: a_b\n".replace("_code", "_code+secret")), "a.yaml:4:7"),
        ),
        good=(one(SECRET.format(slug="a-1")), one(SECRET.format(slug="${Slug}")), one(f"{CODE}slug: ' '\n")),
    ),
    "padded-credential": Sides(
        bad=(
            (one(f"{CODE}client_id: 'a '\n"), "a.yaml:4:12"),
            (one(f'{CODE}client_id: "\\ufeffa"\n'), "a.yaml:4:12"),
            (one(f"{CODE}client_id: |\n  a\n"), "a.yaml:4:12"),
            (one(f"{CODE}client_id: '\"a\"'\n"), "a.yaml:4:12"),
            (one(f"{CODE}client_secret: ' hush-marker'\n"), "a.yaml:4:16"),
            (one(f"{CODE}client_secret: '  '\n"), "a.yaml:4:16"),
        ),
        good=(
            one(f"{CODE}client_id: 'a'\n"),
            one(f"{CODE}client_id: |-\n  a\n"),
            one(f"{CODE}client_id: ${{id}} \n"),
            one(f"{CODE}client_id: '\"'\n"),
            one(f"{CODE}client_id: 'a b'\n"),
            one(f"{CODE}client_id: '\"a'\n"),
            one(f"{SECRET.format(slug='a')}secret: |\n  PEM\n"),
        ),
    ),
    "placeholder-credential": Sides(
        bad=(
            (one(f"{CODE}client_id: <your client id>\n"), "a.yaml:4:12"),
            (one(f"{CODE}client_id: '{{{{client}}}}'\n"), "a.yaml:4:12"),
            (one(f"{CODE}client_secret: TODO\n"), "a.yaml:4:16"),
            (one(f"{CODE}client_secret: change-me\n"), "a.yaml:4:16"),
            (one(f"{CODE}client_secret: YOUR_CLIENT_SECRET\n"), "a.yaml:4:16"),
            (one(f"{CODE}client_secret: $${{SECRET}}\n"), "a.yaml:4:16"),
            (one(f"{CODE}client_secret: op://vault/google/secret\n"), "a.yaml:4:16"),
            (one(f"{CODE}client_id: {'x' * 40}\n"), "a.yaml:4:12"),
            (one(f"{CODE}extras:\n  api_key: '***'\n"), "a.yaml:5:12"),
            (one(f"{SECRET.format(slug='a')}secret: {{login: a, password: '(secret)'}}\n"), "a.yaml:3:30"),
        ),
        good=(
            one(f"{CODE}client_id: ${{CLIENT_ID}}\n"),
            one(f"{CODE}client_id: a<b>c\nclient_secret: todo1\n"),
            one(f"{CODE}client_id: yourbrand\n"),
            one(f"{SECRET.format(slug='a')}secret: {{mode: none, url: 'https://a.example/{{{{id}}}}'}}\n"),
        ),
    ),
    "colon-in-client-id": Sides(
        bad=((one(f"{CODE}token_mode: basic\nclient_id: a:b\n"), "a.yaml:5:12"),),
        good=(
            one(f"{CODE}token_mode: form\nclient_id: a:b\n"),
            one(f"{CODE}token_mode: ${{mode}}\nclient_id: a:b\n"),
            one(f"{CODE}token_mode: basic\nclient_secret: a:b\n"),
            one(f"{CODE}token_mode: basic\nclient_id: ${{a:-b}}\n"),
        ),
    ),
    "basic-not-encoded": Sides(
        bad=(
            (one(f"{CODE}token_mode: basic\nclient_id: a+b\n"), "a.yaml:5:12"),
            (one(f"{CODE}token_mode: basic\nclient_secret: hush-marker%2B\n"), "a.yaml:5:16"),
        ),
        good=(
            one(f"{CODE}token_mode: form\nclient_id: a+b\n"),
            one(f"{CODE}client_id: a+b\n"),
            one(f"{CODE}token_mode: basic\nclient_id: a/b=é\n"),
        ),
    ),
    "number-loses-digits": Sides(
        bad=(
            (one(f"{SECRET.format(slug='a')}secret: 9007199254740993\n"), "a.yaml:3:9"),
            (one(f"{SECRET.format(slug='a')}secret: {{marker: [-9007199254740993]}}\n"), "a.yaml:3:9"),
        ),
        good=(
            one(f"{SECRET.format(slug='a')}secret: '9007199254740993'\n"),
            one(f"{SECRET.format(slug='a')}secret: [9007199254740992, 1.5, true]\n"),
            one("fcm_credentials: {a: 9007199254740993}\n"),
        ),
    ),
    "unseen-character": Sides(
        bad=(
            (one(CODE + "client_id: a\u200bb\n"), "a.yaml:4:12"),
            (one(CODE.replace("/token", "/\u00adtoken")), "a.yaml:3:17"),
            (one(CODE + "extras: {a\u00a0b: c}\n"), "a.yaml:4:15"),
        ),
        good=(
            one(CODE + "client_id: ab\n"),
            one(CODE + "x-notes: a\u00a0note\n"),
            one(CODE + "extras: {a: é}\n"),
            one(CODE + "client_secret: a b\n"),
        ),
    ),
    "half-character": Sides(
        bad=(
            ({"a.json": '{"grant_mode": "secret", "slug": "a", "secret": "\\ud83d"}'}, "a.json:1:49"),
            ({"a.json": '{"grant_mode": "secret", "slug": "a", "secret": [{"marker": "\\ude00"}]}'}, "a.json:1:49"),
            ({"a.json": '{"grant_mode": "secret", "slug": "a", "extras": {"\\ud83d": "a"}}'}, "a.json:1:49"),
            ({"a.json": '{"_id": "a\\ud83d", "grant_mode": "secret", "slug": "a"}'}, "a.json:1:9"),
        ),
        good=(
            {"a.json": '{"grant_mode": "secret", "slug": "a", "secret": "\\ud83d\\ude00"}'},
            {"a.json": '{"grant_mode": "secret", "slug": "a", "x-notes": "\\ud83d"}'},
            one(f"{CODE}client_id: 😀\n"),
        ),
    ),
    "no-client-secret": Sides(
        bad=((one(f"{CODE}client_secret: ''\n"), "a.yaml:4:16"),),
        good=(one(CODE), one(f"{CODE}client_secret: ${{s}}\n"), one(f"{IMPLICIT}client_secret: ''\n")),
    ),
    "unreadable-answer": Sides(
        bad=(
            (one(f"{CODE}extras: {{response_mode: form_post}}\n"), "a.yaml:4:25"),
            (one(f"{CODE}extras: {{response_mode: fragment.jwt}}\n"), "a.yaml:4:25"),
            (one(CODE.replace("authorize", "authorize?response_mode=fragment")), "a.yaml:2:16"),
        ),
        good=(
            one(f"{CODE}extras: {{response_mode: query}}\n"),
            one(f"{CODE}extras: {{response_mode: '${{mode}}'}}\n"),
            one(f"{SECRET.format(slug='a')}extras: {{response_mode: fragment}}\n"),
        ),
    ),
    "no-pkce": Sides(
        bad=(
            (one(f"{CODE}extras: {{code_challenge: x}}\n"), "a.yaml:4:26"),
            (one(CODE.replace("authorize", "authorize?code_challenge_method=S256")), "a.yaml:2:16"),
        ),
        good=(
            one(CODE),
            one(f"{CODE}extras: {{challenge: x}}\n"),
        ),
    ),
    "fixed-nonce": Sides(
        bad=(
            (one(f"{CODE}extras: {{nonce: x}}\n"), "a.yaml:4:17"),
            (one(CODE.replace("authorize", "authorize?nonce=1")), "a.yaml:2:16"),
        ),
        good=(
            one(CODE),
            one(f"{CODE}extras: {{Nonce: x}}\n"),
        ),
    ),
}

TOGETHER = {
    "ids-differ-by-case": Sides(
        bad=(({"Google.yaml": CODE, "google.yaml": CODE}, "google.yaml:1:1"),),
        good=({"google.yaml": CODE, "google2.yaml": CODE},),
    ),
    "slug-not-unique": Sides(
        bad=(
            ({"a.yaml": SECRET.format(slug="s"), "b.yaml": SECRET.format(slug="s")}, "b.yaml:2:7"),
            ({"a.yaml": SECRET.format(slug="s"), "b.yaml": f"{CODE}slug: s\n"}, "b.yaml:4:7"),
            ({"a.yaml": f"{CODE}slug: s\n", "b.yaml": f"{CODE}slug: s\n"}, "b.yaml:4:7"),
            ({"foo.yaml": SECRET.format(slug="s"), "ctx/other.yaml": SECRET.format(slug="s")}, "ctx/other.yaml:2:7"),
            ({"ctx/a.yaml": SECRET.format(slug="s"), "ctx/b.yaml": SECRET.format(slug="s")}, "ctx/b.yaml:2:7"),
        ),
        good=(
            {"a.yaml": SECRET.format(slug="s"), "b.yaml": SECRET.format(slug="t")},
            {"a.yaml": SECRET.format(slug="s"), "ctx/a.yaml": SECRET.format(slug="s")},
            {"ctx/a.yaml": SECRET.format(slug="s"), "other/b.yaml": SECRET.format(slug="s")},
            {"a.yaml": SECRET.format(slug="s"), "b.yaml": SECRET.format(slug="${s}")},
            {"a.yaml": SECRET.format(slug="s"), "app.yaml": PUSH.format(slug="s")},
        ),
    ),
    "override-without-global": Sides(
        bad=(({"b.yaml": CODE, "ctx/a.yaml": SECRET.format(slug="s")}, "ctx/a.yaml:2:7"),),
        good=(
            {"a.yaml": CODE, "ctx/a.yaml": SECRET.format(slug="s")},
            {"b.yaml": CODE, "ctx/a.yaml": redirect("https://x.example/accounts/a/redirect")},
        ),
    ),
    "override-other-slug": Sides(
        bad=(
            ({"a.yaml": SECRET.format(slug="s"), "ctx/a.yaml": SECRET.format(slug="t")}, "ctx/a.yaml:2:7"),
            (
                {"a.yaml": SECRET.format(slug="s"), "ctx/a.yaml": redirect("https://x.example/accounts/a/redirect")},
                "ctx/a.yaml:1:13",
            ),
        ),
        good=(
            {"a.yaml": SECRET.format(slug="s"), "ctx/a.yaml": SECRET.format(slug="s")},
            {"a.yaml": SECRET.format(slug="s"), "ctx/a.yaml": SECRET.format(slug="${t}")},
            {"a.yaml": f"{CODE}slug: s\n", "ctx/a.yaml": SECRET.format(slug="t")},
            {"a.yaml": SECRET.format(slug="s"), "ctx/b.yaml": SECRET.format(slug="t")},
        ),
    ),
    "slug-too-common": Sides(
        bad=(({f"a{number:03}.yaml": f"{CODE}slug: s\n" for number in range(101)}, "a100.yaml:4:7"),),
        good=({f"a{number:03}.yaml": f"{CODE}slug: s\n" for number in range(100)},),
    ),
    "push-slug": Sides(
        bad=(
            ({"a.yaml": SECRET.format(slug="s"), "app.yaml": PUSH.format(slug="s")}, "app.yaml:2:7"),
            ({"ctx/a.yaml": SECRET.format(slug="s"), "app.yaml": PUSH.format(slug="s")}, "app.yaml:2:7"),
            ({"a.yaml": SECRET.format(slug="s"), "ctx/app.yaml": PUSH.format(slug="s")}, "ctx/app.yaml:2:7"),
        ),
        good=(
            {"a.yaml": SECRET.format(slug="s"), "app.yaml": PUSH.format(slug="t")},
            {"app.yaml": PUSH.format(slug="app"), "ctx/app.yaml": PUSH.format(slug="app")},
            {"a.yaml": f"{CODE}slug: s\n", "app.yaml": PUSH.format(slug="s")},
            {"app.yaml": PUSH.format(slug="s")},
            {"c/a.yaml": SECRET.format(slug="s"), "d/app.yaml": PUSH.format(slug="s")},
        ),
    ),
}

FORM = {
    "ambiguous-value": Sides(
        bad=((one(f"{CODE}client_id: 0123\n"), "a.yaml:4:12"),), good=(one(f"{CODE}client_id: '0123'\n"),)
    ),
    "bad-id": Sides(bad=(({"_a.yaml": CODE}, "_a.yaml:1:1"),), good=({"a.yaml": CODE},)),
    "commented-credential": Sides(
        bad=((one(f"{CODE}client_id: abc #def\n"), "a.yaml:4:12"),), good=(one(f"{CODE}client_id: 'abc #def'\n"),)
    ),
    "duplicate-key": Sides(
        bad=((one(f"{CODE}token_mode: form\ntoken_mode: basic\n"), "a.yaml:5:1"),),
        good=(one(f"{CODE}token_mode: form\n"),),
    ),
    "key-not-a-string": Sides(
        bad=((one(f"{CODE}extras: {{1: x}}\n"), "a.yaml:4:10"),), good=(one(f"{CODE}extras: {{'1': x}}\n"),)
    ),
    "missing-key": Sides(bad=((one(CODE.replace("auth_endpoint", "x-auth")), "a.yaml:1:13"),), good=(one(CODE),)),
    "not-json": Sides(
        bad=((one(f"{CODE}extras: {{a: .nan}}\n"), "a.yaml:4:13"),), good=(one(f"{CODE}extras: {{a: '.nan'}}\n"),)
    ),
    "secret-in-source": Sides(
        bad=((one(f"{CODE}client_secret: s3cr3t-marker\n"), "a.yaml:4:1"),),
        good=(one(f"{CODE}client_secret: ${{google_secret}}\n"),),
    ),
    "syntax": Sides(bad=((one(f"{CODE}extras: {{a: x\n"), "a.yaml:5:1"),), good=(one(f"{CODE}extras: {{a: x}}\n"),)),
    "tag": Sides(
        bad=((one(f"{CODE}client_id: !secret google\n"), "a.yaml:4:12"),),
        good=(one(f"{CODE}client_id: ${{google}}\n"),),
    ),
    "unknown-key": Sides(
        bad=((one(f"{CODE}token_mod: basic\n"), "a.yaml:4:1"),), good=(one(f"{CODE}token_mode: basic\n"),)
    ),
    "unused-ignore": Sides(
        bad=((one(f"{CODE}token_mode: form # provision: ignore[plain-http]\n"), "a.yaml:4:18"),),
        good=(one(f"{CODE}token_mode: form\n"),),
    ),
    "variable-syntax": Sides(
        bad=((one(f"{CODE}client_id: ${{google\n"), "a.yaml:4:12"),), good=(one(f"{CODE}client_id: ${{google}}\n"),)
    ),
    "wrong-type": Sides(
        bad=((one(f"{CODE}client_id: 4711\n"), "a.yaml:4:12"),), good=(one(f"{CODE}client_id: '4711'\n"),)
    ),
    "wrong-value": Sides(
        bad=((one(f"{CODE}token_mode: bearer\n"), "a.yaml:4:13"),), good=(one(f"{CODE}token_mode: form\n"),)
    ),
}
"""What the reader of files, the schema and the comments find."""

SIDES = DOCUMENT | TOGETHER | FORM


def ids_in_the_code(*makers: str) -> set[str]:
    """The rule ids in the package: the words among the arguments of the calls that make findings or problems."""
    found: set[str] = set()
    for path in (Path(__file__).parents[2] / "provisioner").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                arguments = node.args[:1] if name == "found" else node.args[1:]
                words = (each.value for each in arguments if isinstance(each, ast.Constant) and name in makers)
                found |= {word for word in words if isinstance(word, str) and " " not in word}
    return found


CHECKED = ids_in_the_code("found")
"""The rules that check definitions and documents; the others are found where files are read, or by a command."""
