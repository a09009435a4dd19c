"""The page about the rules, made from their texts: ``python -m tests.docs.rules_page > docs/rules.md``."""

from provisioner.adapters.files.shipped import rule_texts
from provisioner.core.rules import RULES
from provisioner.render.problems import rule_markdown

HEAD = """\
# Rules

<!-- Generated from the code: python -m tests.docs.rules_page > docs/rules.md -->

This page explains each problem that `provision validate` reports. The name of the rule is in brackets after each
problem, and `provision explain RULE` shows the same explanation in a terminal. Errors stop `diff` and `apply` before
they read or write anything. Warnings do not, unless you add `--strict`. `provision check` runs the same
rules on the live documents, and shows `couchdb:<id>:1:1` as the place of a problem.

A variable without a value is not a problem by itself. The text around it is still checked.

## Ignoring a rule

To ignore a rule on one line, add a comment at the end of that line. To ignore it in the whole file, put the comment
before the first key. Separate several rules with commas, and write the reason after the bracket:

```yaml
# provision: ignore[google-offline] the konnector needs the first hour only
token_mode: get  # provision: ignore[get-leaks-secret] the provider documents a GET
```

A comment that ignores nothing is reported as `unused-ignore`. Errors in the form of a file cannot be ignored. JSON has
no comments, so convert a `.json` definition to YAML if it needs one. If a provider has several domains, list them in a
note instead of ignoring `foreign-endpoint`: `x-domains: [google.com, googleapis.com]`.
"""


def page() -> str:
    """All rules with an introduction and an index."""
    texts = rule_texts()
    index = "\n".join(f"- [{rule.id}](#{rule.id}): {rule.severity}" for rule in RULES)
    sections = (rule_markdown(rule, texts[rule.id]) for rule in RULES)
    return "\n\n".join([HEAD.rstrip(), index, *sections]) + "\n"


if __name__ == "__main__":
    print(page(), end="")
