"""The result of checking a catalogue."""

from dataclasses import dataclass, replace

from provisioner.core.definitions.definition import Definition
from provisioner.core.definitions.problem import Problem, Severity, Silenced


@dataclass(frozen=True, slots=True)
class Validation:
    """What a catalogue holds: `definitions` sorted by id, `problems` sorted by place, the number of `files`.

    `silenced` are the problems that comments in the files ignore. `documents`: how many live documents were checked,
    ``None`` if none were asked for.
    """

    files: int
    definitions: tuple[Definition, ...]
    problems: tuple[Problem, ...]
    documents: int | None = None
    silenced: tuple[Silenced, ...] = ()

    def beside(self, live: "Validation") -> "Validation":
        """The problems of both, files before live documents."""
        return replace(self, problems=(*self.problems, *live.problems), documents=live.documents)

    def strict(self) -> "Validation":
        """The same, with its warnings as errors."""
        problems = (replace(problem, severity=Severity.ERROR) for problem in self.problems)
        return replace(self, problems=tuple(problems))

    @property
    def placed(self) -> tuple[Problem, ...]:
        """The problems of files, folders and live documents, without those of options."""
        return tuple(problem for problem in self.problems if not problem.path.startswith("--"))

    @property
    def in_files(self) -> tuple[Problem, ...]:
        """The problems of files and folders alone."""
        return tuple(problem for problem in self.placed if not problem.path.startswith("couchdb:"))

    @property
    def errors(self) -> int:
        """The problems that stop a run."""
        return sum(problem.severity is Severity.ERROR for problem in self.problems)

    @property
    def warnings(self) -> int:
        """The problems that do not stop a run."""
        return len(self.problems) - self.errors
