"""The account types and scopes that konnectors request, and the problems with them."""

from provisioner.core.oauth.manifest import ManifestRow, Manifests
from provisioner.core.text import shown
from provisioner.render import problems
from provisioner.render.json_output import as_json as whole_json
from provisioner.render.paint import Paint, plain
from provisioner.render.table import table

_HEAD = ("KONNECTOR", "ACCOUNT TYPE", "FOUND IN", "SCOPE AS SENT")


def as_text(manifests: Manifests, paint: Paint = plain) -> str:
    """One line per manifest, then one line per problem, then the summary."""
    rows = [_cells(row) for row in manifests.rows]
    parts = [table(_HEAD, rows, paint), ""] if rows else []
    return "\n".join([*parts, problems.as_text(manifests.validation, paint)])


def _cells(row: ManifestRow) -> tuple[str, ...]:
    if row.wish is None:
        return (row.path, "no OAuth", "-", "-")
    scope = shown(row.wish.scope) if row.wish.scope else "-"
    return (row.wish.slug or row.path, row.wish.account_type, row.found, scope)


def as_json(manifests: Manifests) -> str:
    """The object of problems, with ``manifests``: path, slug, account_type, found, scope."""
    rows = [
        {
            "path": row.path,
            "slug": row.wish.slug if row.wish else None,
            "account_type": row.wish.account_type if row.wish else None,
            "found": row.found if row.wish else None,
            "scope": row.wish.scope if row.wish else None,
        }
        for row in manifests.rows
    ]
    return whole_json({"manifests": rows, **problems.values(manifests.validation)})
