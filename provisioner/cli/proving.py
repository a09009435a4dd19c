"""The proof of new credentials before and after ``provision apply --prove``."""

import secrets
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

from provisioner.adapters.oauth.providers import Pace, RealProviders
from provisioner.cli import output
from provisioner.commands.planning import Planned
from provisioner.commands.proving import Proof, Prover
from provisioner.core.plan.changes import Action, Change, Outcome


class Proving:
    """What the providers say to the credentials that plans write."""

    def __init__(self, *, unproven: bool) -> None:
        """Ask no provider yet. `unproven`: what nothing proves is written all the same."""
        self._unproven = unproven
        self._prover = Prover(RealProviders(Pace()).exchange, secrets.choice, self._accepts)

    def before(self, planned: Planned) -> Callable[[Change], str]:
        """Send new credentials to their providers. Returns a function: why a change must not be written."""
        for change in planned.plan.writes:
            proof = self._prover.proof(change)
            if proof and proof.proven:
                output.message(f"verified  {change.id}: {proof.result.message}")
        return self._prover.refusal

    def after(self, planned: Mapping[str, Planned], outcomes: Mapping[str, Sequence[Outcome]]) -> bool:
        """Prove once more what replaced other credentials, and say that those may be revoked.

        Returns whether every provider still accepts what it accepted before.
        """
        good = True
        for name, each in planned.items():
            written = (outcome.change for outcome in outcomes[name])
            for change in written:
                if change and change.action is Action.CHANGE and (proof := self._prover.proof(change)) and proof.proven:
                    good = self._again(each, change) and good
        return good

    def _again(self, planned: Planned, change: Change) -> bool:
        proof = self._prover.again(change)
        if proof is None or proof.proven:
            note = next((each.note("console") for each in planned.definitions if each.id == change.id), "")
            output.message(f"next: revoke the old credentials of {change.id} at {note or 'the provider'}")
            return True
        target = f" --target {planned.target.name}" if planned.target.name else ""
        back = f"provision undo{target} undoes this run"
        if not planned.target.backup:
            back = "write the old credentials again: this target keeps no backups for provision undo"
        message = f"{change.id}: the provider no longer accepts the new credentials: {proof.result.message}"
        output.message(f"error: {message}\nnext: {back}")
        return False

    def _accepts(self, proof: Proof) -> bool:
        """Whether what nothing proves may be written; only before the first write a person is asked."""
        if self._unproven or not sys.stdin.isatty() or threading.current_thread() is not threading.main_thread():
            return self._unproven
        return output.confirm(f"{proof.client.id}: {proof.result.message}. Write it unverified?")
