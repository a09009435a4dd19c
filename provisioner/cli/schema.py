"""``provision schema``."""

from provisioner.adapters.files import shipped
from provisioner.cli import output


def schema() -> None:
    """Print the JSON schema of definitions."""
    output.result(shipped.schema_text().rstrip())
