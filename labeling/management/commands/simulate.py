"""`manage.py simulate`: made-up raters judge a campaign; its report is held against the truth."""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.text import slugify

from labeling.actions.simulation import refuse_real, remove_simulated_campaign
from labeling.management.refusals import in_words
from labeling.management.simulating import Course, Simulated, simulate
from labeling.metrics.stopping import STOP_RULES
from labeling.models import Campaign, Organisation, User
from labeling.simulation.compare import Caught, Finding
from labeling.simulation.kinds import KINDS
from labeling.simulation.planted import Planted, Wishes, plant

FOLDER = "simulations"
DEFAULT_KINDS = "random=0.05,left=0.03,longer=0.03,half=0.05,fast=0.03,tie=0.03"


class Command(BaseCommand):
    """Plant, judge, compare; with --remove, take a simulated campaign away."""

    help = (
        "Make a campaign of planted models, texts and raters, let the raters judge it through the "
        "real queue, write down what was planted, and print what the report found of it. "
        "docs/SIMULATION.md says what each number means."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """What is planted, how it is judged, and where it is kept."""
        parser.add_argument("--campaign", default="simulated", metavar="NAME", help="its slug")
        parser.add_argument("--organisation", metavar="SLUG", help="default: the only one there is")
        parser.add_argument("--owner", metavar="USER", help="who owns the campaign")
        parser.add_argument("--remove", action="store_true", help="delete the simulated campaign")
        parser.add_argument("--truth", type=Path, metavar="FILE", help="where the truth is written")
        parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
        _planted_arguments(parser.add_argument_group("what is planted (effects in logits)"))
        _course_arguments(parser.add_argument_group("how it is judged"))

    @in_words()
    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse what is real, simulate, and say what came of it."""
        slug = slugify(options["campaign"])
        if not slug:
            raise CommandError("--campaign needs a name of letters and digits.")
        path = options["truth"] or settings.HOME / FOLDER / f"{slug}.json"
        standing = Campaign.objects.filter(slug=slug).first()
        if options["remove"]:
            self._remove(standing, slug, path)
            return
        if standing is not None:
            refuse_real(standing)
            raise CommandError(
                f"{slug} is there already; take it away with `simulate --campaign {slug} --remove`,"
                " or choose another name."
            )
        planted = _planted(options, slug)
        done = simulate(
            planted,
            organisation=_organisation(options["organisation"]),
            slug=slug,
            by=_owner(options["owner"]),
            course=_course(options),
            tell=self.stderr.write if options["json"] else self._say,
        )
        done.write(path)
        if options["json"]:
            self._say(json.dumps(_as_json(done, path)))
            return
        for line in _tables(done):
            self._say(line)
        rate = done.judgments / done.seconds if done.seconds else 0.0
        self._say(
            f"\n{slug}: {done.judgments:,} judgments in {done.seconds:.1f} s ({rate:.0f} a second)."
            f" What was planted: {path}"
        )

    def _remove(self, standing: Campaign | None, slug: str, path: Path) -> None:
        if standing is None:
            raise CommandError(f"There is no campaign {slug}.")
        remove_simulated_campaign(campaign=standing)
        path.unlink(missing_ok=True)
        self._say(f"{slug} is gone, with its judgments, its simulated raters and {path.name}.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _planted_arguments(group: Any) -> None:
    default = Wishes()
    for name, kind, what in (
        ("models", int, "models, their strengths evenly spread"),
        ("spread", float, "strengths go from minus this to plus this"),
        ("items", int, "comparisons"),
        ("votes", int, "judgments of each"),
        ("raters", int, "raters"),
        ("seed", int, "of all that is drawn"),
        ("item-effect-sd", float, "standard deviation of the items' own effects"),
        ("side", float, "pull of the left side"),
        ("length", float, "pull of length, for one standard deviation of its difference"),
        ("format", float, "pull of formatting, where one answer alone has some"),
        ("groups", int, "groups of raters with tastes of their own"),
        ("group-sd", float, "standard deviation of a group's tastes"),
        ("gold-rate", float, "share of judgments on known answers"),
        ("repeat-rate", float, "share of hidden repeats"),
        ("skips", float, "share of comparisons given back"),
        ("tie-width", float, "gaps below this are ties"),
    ):
        value = getattr(default, name.replace("-", "_"))
        group.add_argument(
            f"--{name}", type=kind, default=value, metavar="N", help=f"{what} ({value:g})"
        )
    group.add_argument(
        "--streaming",
        type=float,
        metavar="SHARE",
        help="two presentation arms; where texts arrive as written, so much of the pull of length "
        "is lost",
    )
    group.add_argument(
        "--first-criterion",
        type=float,
        metavar="SHARE",
        help="two criteria; the first one follows the whole in this share of answers",
    )
    group.add_argument(
        "--kinds",
        default=DEFAULT_KINDS,
        metavar="KIND=SHARE,…",
        help=f"shares of raters that are not careful ({DEFAULT_KINDS}); kinds: {', '.join(KINDS)}",
    )


def _course_arguments(group: Any) -> None:
    default = Course()
    group.add_argument("--rounds", type=int, default=default.rounds, metavar="N")
    group.add_argument(
        "--stop",
        default=default.stop_rule,
        choices=STOP_RULES,
        help="when an item has enough",
    )
    group.add_argument(
        "--days", type=float, default=0.0, metavar="N", help="date the judgments over N days past"
    )


def _planted(options: dict[str, Any], slug: str) -> Planted:
    names = [name for name in Wishes.__dataclass_fields__ if name != "kinds"]
    wishes = Wishes(**{name: options[name] for name in names}, kinds=_kinds(options["kinds"]))
    if problem := wishes.problem():
        raise CommandError(problem)
    return plant(wishes, name=f"simulated-{slug}")


def _kinds(text: str) -> dict[str, float]:
    shares = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, share = part.partition("=")
        try:
            shares[name.strip()] = float(share)
        except ValueError:
            raise CommandError(f"--kinds {part}: write it as random=0.1.") from None
    return shares


def _course(options: dict[str, Any]) -> Course:
    if not 1 <= options["rounds"] <= 100:
        raise CommandError("--rounds goes from 1 to 100.")
    if not 0 <= options["days"] <= 3650:
        raise CommandError("--days goes from 0 to 3650.")
    return Course(
        rounds=options["rounds"],
        stop_rule=options["stop"],
        most_votes=max(Course.most_votes, options["votes"]),
        days=options["days"],
    )


def _organisation(slug: str | None) -> Organisation:
    known = Organisation.objects.order_by("slug")
    if slug:
        known = known.filter(slug=slug)
    found = list(known[:2])
    if len(found) == 1:
        return found[0]
    if not found:
        missing = f"There is no organisation {slug}." if slug else "There is no organisation yet."
        raise CommandError(missing)
    raise CommandError("There are several organisations: name one with --organisation.")


def _owner(name: str | None) -> User | None:
    if not name:
        return None
    if (found := User.objects.filter(username=name).first()) is None:
        raise CommandError(f"There is no user {name}.")
    return found


def _as_json(done: Simulated, path: Path) -> dict[str, Any]:
    return {
        "campaign": done.campaign.slug,
        "judgments": done.judgments,
        "skips": done.skips,
        "seconds": round(done.seconds, 2),
        "findings": [one.as_json() for one in done.findings],
        "caught": [one.as_json() for one in done.caught],
        "truth": str(path),
    }


def _tables(done: Simulated) -> Iterator[str]:
    parts = {one.part for one in done.findings}
    for part, title, digits in _PARTS:
        if part in parts:
            yield ""
            yield from _found(title, [one for one in done.findings if one.part == part], digits)
    inside = [one.is_inside for one in done.findings if one.is_inside is not None]
    yield f"\n{sum(inside)} of {len(inside)} intervals hold what was to be expected."
    yield ""
    yield from _raters(done.caught)


# Each part of the findings: its title, and the digits of its numbers.
_PARTS = (
    ("strength", "strength (Elo)", 0),
    ("bias", "share of decisive votes for", 3),
    ("arm", "for the longer answer, by arm", 3),
    ("style", "coefficient (logits)", 2),
    ("group", "strength by group (Elo)", 0),
)


def _found(title: str, rows: Sequence[Finding], digits: int) -> Iterator[str]:
    yield f"{title:<32} {'planted':>8} {'expected':>9} {'found':>8}   {'95 % interval':<17} inside"
    for row in rows:
        numbers = [_number(value, digits) for value in (row.planted, row.expected, row.value)]
        limits = "–"
        if row.low is not None and row.high is not None:
            limits = f"{_number(row.low, digits)} to {_number(row.high, digits)}"
        inside = {True: "yes", False: "NO", None: "–"}[row.is_inside]
        planted, limit, found = numbers
        yield f"{row.name:<32} {planted:>8} {limit:>9} {found:>8}   {limits:<17} {inside}"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _raters(rows: Sequence[Caught]) -> Iterator[str]:
    yield f"{'raters':<44} {'number':>6} {'p < .05':>8} {'p < .01':>8} {'median p':>9}"
    for row in rows:
        what = f"{row.kind}: {KINDS[row.kind][0]}"
        yield (
            f"{what:<44} {row.raters:>6} {row.caught:>8} {row.caught_surely:>8}"
            f" {row.median_chance:>9.3f}"
        )
