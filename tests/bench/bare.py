"""The least that a Python program can do: read the YAML with libyaml, get the documents in one request, compare.

``python bare.py FOLDER URL [write]``: it validates nothing, and writes only if it is told to, in one ``_bulk_docs``.
"""

import base64
import http.client
import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def main() -> None:
    """Print how many documents differ."""
    folder, url, *more = sys.argv[1:]
    wanted = {path.stem: yaml.load(path.read_bytes(), LOADER) for path in Path(folder).glob("*.yaml")}
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80)
    headers = {"Content-Type": "application/json", **authorization(url)}
    if more:
        connection.request("PUT", parts.path, headers=headers)
        connection.getresponse().read()
    connection.request("GET", f"{parts.path}/_all_docs?include_docs=true", headers=headers)
    rows = json.loads(connection.getresponse().read())["rows"]
    live = {row["id"]: row["doc"] for row in rows}
    different = [id for id, fields in wanted.items() if not fields.items() <= live.get(id, {}).items()]
    if more and different:
        docs = [{**live.get(id, {}), **wanted[id], "_id": id} for id in different]
        connection.request("POST", f"{parts.path}/_bulk_docs", json.dumps({"docs": docs}), headers)
        connection.getresponse().read()
    print(len(different))


def authorization(url: str) -> dict[str, str]:
    """The header of the user in a URL, if there is one."""
    user_info = urlsplit(url).netloc.rpartition("@")[0]
    return {"Authorization": f"Basic {base64.b64encode(user_info.encode()).decode()}"} if user_info else {}


if __name__ == "__main__":
    main()
