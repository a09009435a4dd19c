"""Where this program was installed from, so that a pipeline can install exactly the same."""

import json
import re
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

from provisioner.core.secret import without_sign_in

PACKAGE = "cozy-provisioner"

_URL = re.compile(r"(https?|ssh|file)://[A-Za-z0-9_.~:/@%+-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def requirement() -> str | None:
    """What pip is to install to get what runs here: a commit of a repository, or an archive with its hash.

    The record of the installation names it (PEP 610). Nothing: it names a folder, or an index from which anybody's
    package of this name may come.
    """
    try:
        record: Any = json.loads(distribution(PACKAGE).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return None
    url = without_sign_in(str(record.get("url", "")), "")
    match record:
        case {"vcs_info": {"vcs": "git", "commit_id": str(commit)}} if _URL.fullmatch(url) and _COMMIT.fullmatch(
            commit
        ):
            return f"{PACKAGE} @ git+{url}@{commit}"
        case {"archive_info": {"hashes": {"sha256": str(digest)}}} if _URL.fullmatch(url) and _SHA256.fullmatch(digest):
            return f"{PACKAGE} @ {url}#sha256={digest}"
        case _:
            return None
