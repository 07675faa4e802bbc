"""What comes of an import's rows: counted, and the first problems kept."""

from dataclasses import dataclass, field

from labeling.formats.rows import RowProblem


@dataclass
class Tally:
    """What came of the rows so far. `rows` is always the sum of the next three."""

    imported: int = 0
    duplicates: int = 0
    rejected: int = 0
    warnings: int = 0
    problems: list[RowProblem] = field(default_factory=list)
    max_problems: int = 1000

    @property
    def rows(self) -> int:
        """Every row the file has, the unreadable ones included."""
        return self.imported + self.duplicates + self.rejected

    def reject(self, problem: RowProblem) -> None:
        """Count a row that is kept out; the first thousand are kept to be shown."""
        self.rejected += 1
        if len(self.problems) < self.max_problems:
            self.problems.append(problem)

    def count(self, *, is_new: bool) -> None:
        """Count a row that is in, by this import or an earlier one."""
        if is_new:
            self.imported += 1
        else:
            self.duplicates += 1

    def forget(self) -> None:
        """Begin at nothing again."""
        self.imported = self.duplicates = self.rejected = self.warnings = 0
        self.problems.clear()

    def as_result(self) -> dict[str, int]:
        """The job's result, as the API words it."""
        return {
            "rows": self.rows,
            "imported": self.imported,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "warnings": self.warnings,
        }
