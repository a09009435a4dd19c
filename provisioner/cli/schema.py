"""``provision schema``."""

from provisioner.cli import output


def schema() -> None:
    """Print the JSON schema of definitions."""
    from provisioner.adapters.files import shipped

    output.result(shipped.schema_text().rstrip())
