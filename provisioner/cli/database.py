"""Opens the database that the options name."""

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provisioner.cli import output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provisioner.core.store import Store


@contextmanager
def open_store(couch: str | None, database: str, timeout: float, *, verbose: bool, no_color: bool) -> "Iterator[Store]":
    """A store over connections that are closed in the end. The first request is made when it is used."""
    from provisioner.adapters.couch_address import read_address
    from provisioner.adapters.couchdb import CouchStore
    from provisioner.adapters.http import Connection

    if verbose:
        import logging

        logging.basicConfig(format="%(message)s")
        logging.getLogger("provisioner").setLevel(logging.DEBUG)
    address = read_address(couch, os.environ)
    if address.in_clear:
        output.warn(f"the password travels in clear text to {address.host}: use https", no_color)
    connection = Connection(address, timeout)
    try:
        yield CouchStore(connection, database)
    finally:
        connection.close()
