"""The page about the rules, from their texts and their tests: ``python -m tests.docs.rules_page > docs/rules.md``."""

from collections.abc import Iterator

from provisioner.adapters.files.shipped import rule_texts
from provisioner.core.rules import BY_ID, RULES, Rule, RuleText
from tests.rules.examples import SIDES, Files

HEAD = """\
# Rules

<!-- Generated from the code: python -m tests.docs.rules_page > docs/rules.md -->

Each problem that `provision validate` reports ends with the name of its rule, in brackets. `provision explain RULE`
prints the explanation on a terminal. An error stops `diff` and `apply` before they read or write anything. A warning does
not, unless you add `--strict`. `provision check` applies the same rules to live documents, and reports their place as
`couchdb:<id>:1:1`.

## Ignore a rule, or change its severity

Write the reason after the bracket. On the line of a problem, the comment is for that line; before the first key, it is
for the whole file. A comment that ignores nothing is a problem of its own, and JSON has no comments.

```yaml
# provision: ignore[google-offline, plain-http] only for tests
token_mode: get # provision: ignore[get-leaks-secret] the provider documents a GET
```

`rules:` in `provision.yaml`, or in a target, sets the severity for all files: `off`, `warning` or `error`. Neither works
for a rule marked *always*, because cozy-stack or CouchDB can't use such a definition. If a provider has several domains,
list them as `x-domains: [google.com, googleapis.com]` instead of ignoring `foreign-endpoint`.

## Custom rules

`require:` in `provision.yaml` contains rules of your own: parts of a JSON schema (draft-07) that each definition must
match. They are reported like all others, as `custom-rule`.

```yaml
require:
  - description: only token_mode form is allowed here
    properties: {token_mode: {const: form}}
```
"""

GROUPS = {
    "Files": "empty-file empty-folder file-name not-a-mapping not-utf-8 several-documents syntax too-deep too-large "
    "unreadable",
    "Keys and values": "ambiguous-value duplicate-key extras-not-strings half-character custom-rule ignored-key "
    "key-in-other-case key-not-a-string merge-key missing-key not-json number-loses-digits tag template-value undecodable "
    "unknown-key unseen-character unused-ignore wrong-type wrong-value",
    "Variables": "missing-variable unused-variable variable-in-host variable-syntax",
    "IDs": "bad-id id-not-a-segment id-not-plain ids-differ-by-case plus-in-id same-id",
    "Endpoints": "foreign-endpoint get-with-query host-mapped no-token-endpoint plain-http query-dropped url-fragment "
    "url-unreadable url-user-info",
    "Redirect URIs": "context-without-redirect implicit-redirect redirect-path redirect-query redirect-to-app",
    "Login parameters": "fixed-nonce google-offline no-pkce parameter-twice refused-grant-mode reserved-parameter "
    "unreadable-answer",
    "Budget Insight": "bi-endpoints bi-same-page bi-token-endpoint",
    "Credentials": "basic-not-encoded colon-in-client-id commented-credential folded-credential get-leaks-secret "
    "missing-credentials no-client-secret padded-credential placeholder-credential secret-in-source",
    "Secrets of konnectors": "override-other-slug override-without-global push-slug secret-never-used slug-not-unique "
    "slug-of-no-konnector slug-too-common slug-undecodable",
    "Manifests": "manifest-no-account-type manifest-no-scope manifest-old-key manifest-scope-array "
    "manifest-scope-delimiter",
}
OTHER = "Other rules"
LONGEST = 4
"""Lines of an example: a longer one explains less than its text."""


def page() -> str:
    """All rules, by what they are about."""
    texts = rule_texts()
    groups = ((title, [_section(BY_ID[id], texts[id]) for id in ids]) for title, ids in grouped().items())
    sections = (part for title, rules in groups for part in (f"## {title}", *rules))
    return "\n\n".join([HEAD.rstrip(), *sections]) + "\n"


def grouped() -> dict[str, list[str]]:
    """The rules by what they are about; those that no group lists are in one of their own."""
    listed = {title: ids.split() for title, ids in GROUPS.items()}
    known = {id for ids in listed.values() for id in ids}
    remote = ("remote-", "template-")
    listed["Remote secrets"] = [rule.id for rule in RULES if rule.id.startswith(remote) and rule.id not in known]
    rest = {rule.id for rule in RULES} - {id for ids in listed.values() for id in ids}
    return {**listed, OTHER: sorted(rest)} if rest else listed


def _section(rule: Rule, text: RuleText) -> str:
    severity = f"{rule.severity}, always".capitalize() if not rule.ignorable else str(rule.severity).capitalize()
    reference = f" ({text.reference})" if text.reference else ""
    about = f"*{severity}.* {text.finds} **Why:** {text.why} **Fix:** {text.fix}{reference}"
    bad, good = (_code(lines) for lines in pair(rule.id))
    shown = [f"- bad: {bad or 'without it'}", f"- good: {good or 'without it'}"] if bad or good else []
    return "\n\n".join([f"### {rule.id}", about, *filter(None, ["\n".join(shown)])])


def _code(lines: list[str]) -> str:
    return "<br>".join(f"`{_visible(line)}`" for line in lines)


def _visible(line: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)


def pair(rule: str) -> tuple[list[str], list[str]]:
    """The lines by which the first bad and the first good example of a rule differ."""
    if rule not in SIDES:
        return [], []
    bad, good = _difference(SIDES[rule].bad[0][0], SIDES[rule].good[0])
    return (bad, good) if max(len(bad), len(good)) < LONGEST else ([], [])


def _difference(bad: Files, good: Files) -> tuple[list[str], list[str]]:
    if [*bad.values()] == [*good.values()]:  # the names of the files are what differs
        return [*bad], [*good]
    one, other = ([*_lines(files, several=len({*bad, *good}) > 1)] for files in (bad, good))
    return [line for line in one if line not in other], [line for line in other if line not in one]


def _lines(files: Files, *, several: bool) -> Iterator[str]:
    for name, text in files.items():
        yield from (f"{name}: {line}" if several else line for line in text.splitlines())


if __name__ == "__main__":
    print(page(), end="")
