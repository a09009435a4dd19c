"""What can stop a run. Each error says what happened and what to do next.

::

    ProvisionError            exit code 1
    ├── UsageError            exit code 2: options that cannot be meant
    └── StoreError            CouchDB, or what stands in its place
        ├── NobodyListening   the host refuses the connection
        ├── UnknownHost       the host has no address
        ├── TlsTrouble        the certificate or the handshake
        ├── NotCouchDB        something else answers
        ├── SignInRefused     401
        ├── AccessRefused     403
        ├── NotFound          404
        ├── TimedOut          no answer in time
        ├── UnreadableAnswer  not JSON, or JSON of another shape
        └── Unavailable       any other status, or a connection that breaks again and again
"""


class ProvisionError(Exception):
    """Something that stops a run; `what` happened, and the `next` thing to do."""

    exit_code = 1

    def __init__(self, what: str, next: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next = next


class UsageError(ProvisionError):
    exit_code = 2


class StoreError(ProvisionError):
    pass


class NobodyListening(StoreError):
    pass


class UnknownHost(StoreError):
    pass


class TlsTrouble(StoreError):
    pass


class NotCouchDB(StoreError):
    pass


class SignInRefused(StoreError):
    pass


class AccessRefused(StoreError):
    pass


class NotFound(StoreError):
    pass


class TimedOut(StoreError):
    pass


class UnreadableAnswer(StoreError):
    pass


class Unavailable(StoreError):
    pass
