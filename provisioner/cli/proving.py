"""The proof of new credentials before and after ``provision apply --prove``."""

import secrets
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from provisioner.adapters.oauth.pacing import Pace
from provisioner.adapters.oauth.probes import RealProviders
from provisioner.cli import output
from provisioner.commands import prove
from provisioner.commands.planning import Planned
from provisioner.commands.prove import Proof
from provisioner.core.plan.changes import Change
from provisioner.core.plan.outcome import Outcome, OutcomeKind


class Proving:
    """What the providers say to the credentials that plans write; `planned` are those to prove, by target."""

    def __init__(self, *, unproven: bool) -> None:
        """Ask no provider yet. `unproven`: what nothing proves is written all the same."""
        self._exchange = RealProviders(Pace()).exchange
        self._unproven = unproven
        self._proved: dict[str, list[Proof]] = {}

    def before(self, name: str, planned: Planned) -> Callable[[Change], str]:
        """Send new credentials to their providers. Returns what says of a change why it must not be written."""
        self._proved[name] = [*prove.proofs(planned.plan, self._exchange, secrets.choice)]
        for each in self._proved[name]:
            if not each.wrong and not each.open:
                output.message(f"proven    {each.id}: {each.result.message}")
        refused = prove.refusals(self._proved[name], self._accepts)
        return lambda change: refused.get(change.id, "")

    def after(self, planned: Mapping[str, Planned], outcomes: Mapping[str, Sequence[Outcome]]) -> None:
        """Prove once more what replaced other credentials, and say that those may go."""
        for name, proved in self._proved.items():
            written = {outcome.id for outcome in outcomes[name] if outcome.kind is OutcomeKind.WRITTEN}
            ids = {each.id for each in proved if each.id in written and each.replaces and not each.open}
            if ids and name in planned:
                self._again(planned[name], ids)

    def _again(self, planned: Planned, ids: Collection[str]) -> None:
        definitions = {definition.id: definition for definition in planned.definitions}
        plan = replace(planned.plan, changes=tuple(each for each in planned.plan.changes if each.id in ids))
        for each in prove.proofs(plan, self._exchange, secrets.choice):
            if each.wrong or each.open:
                output.warn(f"{each.id}: the provider says otherwise now: {each.result.message}")
            else:
                place = definitions[each.id].note("console") or "the provider"
                output.message(f"next: revoke the old credentials of {each.id} at {place}")

    def _accepts(self, proof: Proof) -> bool:
        if self._unproven or not sys.stdin.isatty():
            return self._unproven
        return output.confirm(f"{proof.id}: {proof.result.message}. Write it without a proof?")
