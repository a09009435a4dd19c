"""Fills the templates of HTML pages: no network, no cookies, readable without a script, light and dark."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # only the commands that write a page import Jinja
    from jinja2 import Environment


def fill_template(name: str, **values: object) -> str:
    """The page that a template of ``render/templates`` and values give; each value is escaped."""
    return _environment().get_template(f"{name}.html").render(values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("provisioner.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def is_page(text: str) -> bool:
    """Whether a text begins as a page of ours does."""
    return not text.strip() or '<meta name="generator" content="provision">' in text
