"""Parse cron expressions with seconds, as Kubeflow's scheduler reads them.

Fields: second minute hour day month weekday. The scheduler is robfig/cron 1.2
(https://github.com/robfig/cron), in UTC unless the cluster gives it another zone by
CRON_SCHEDULE_TIMEZONE, which the API does not tell. A day that is restricted by both its number
and its weekday comes on either of them. That parser takes five fields as well, without a weekday:
a crontab's "0 2 * * *" would run at two minutes past every hour, so five are refused here. It
takes words too, @daily or @every 1h, of which the latter has no time of day; and days that never
come, which its code for missed runs seeks for ever.
"""

import dataclasses
import datetime
from collections.abc import Iterator

from schema.errors import InputError
from schema.text.messages import excerpt

FIELDS = (  # name, least, greatest
    ("second", 0, 59),
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day", 1, 31),
    ("month", 1, 12),
    ("weekday", 0, 6),
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
NAMES = {
    "month": {name: number for number, name in enumerate(_MONTHS, 1)},
    "weekday": {name: number for number, name in enumerate(_DAYS)},
}
WORDS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
LONGEST = 10  # digits of a number
YEARS = 5  # the scheduler looks no further


@dataclasses.dataclass(frozen=True)
class Cron:
    """A parsed expression: for each field the values it names, and whether a star is in it."""

    text: str
    values: tuple[frozenset[int], ...]
    stars: tuple[bool, ...]

    def after(self, moment: datetime.datetime) -> Iterator[datetime.datetime]:
        """Yield the times after `moment` in UTC, for five years."""
        second, minute, hour = (sorted(allowed) for allowed in self.values[:3])
        day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        for _ in range(366 * YEARS):
            if self._comes_on(day):
                for h in hour:
                    for m in minute:
                        for s in second:
                            time = day.replace(hour=h, minute=m, second=s)
                            if time > moment:
                                yield time
            day += datetime.timedelta(days=1)

    def _comes_on(self, day: datetime.datetime) -> bool:
        days, months, weekdays = self.values[3:]
        if day.month not in months:
            return False
        by_number, by_weekday = day.day in days, day.isoweekday() % 7 in weekdays
        if self.stars[3] or self.stars[5]:
            return by_number and by_weekday
        return by_number or by_weekday


def parse(text: str) -> Cron:
    """Parse a six-field expression.

    Raises:
        InputError: what is wrong with it, and for five fields or a word the six that were meant.
    """
    fields, text = text.split(), excerpt(text)
    if text.strip() in WORDS:
        raise InputError(f'cron "{text}" is written with six fields: "{WORDS[text.strip()]}"')
    if len(fields) == 5:
        raise InputError(
            f'cron "{text}" has five fields, and Kubeflow\'s begins with the seconds: '
            f'write "0 {excerpt(" ".join(fields))}"'
        )
    if len(fields) != 6:
        expected = " ".join(name for name, _, _ in FIELDS)
        raise InputError(f'cron "{text}" has {len(fields)} fields, not six: {expected}')
    read = [_field(text, given, *field) for given, field in zip(fields, FIELDS, strict=True)]
    cron = Cron(" ".join(fields), tuple(v for v, _ in read), tuple(star for _, star in read))
    start = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)  # 29 February is within 5 years
    if next(cron.after(start), None) is None:
        raise InputError(f'cron "{text}" never comes: no such month has such a day')
    return cron


def _field(
    text: str, given: str, name: str, least: int, greatest: int
) -> tuple[frozenset[int], bool]:
    values: set[int] = set()
    star = False
    for part in given.split(","):
        span, slash, stride = part.partition("/")
        first, dash, last = span.partition("-")
        wrong = InputError(
            f'cron "{text}": {excerpt(given)} is not a valid {name}: use numbers from {least} to '
            f"{greatest}{' or names' if name in NAMES else ''}, as *, a list, a-b or a/step"
        )
        if first in ("*", "?") and not dash:
            start, end, star = least, greatest, True
        else:
            start = _number(first, name, wrong)
            # As the scheduler has it: 5/15 means from 5 to the end.
            end = _number(last, name, wrong) if dash else greatest if slash else start
        step = _number(stride, "", wrong) if slash else 1
        if not least <= start <= end <= greatest or step < 1:
            raise wrong
        values.update(range(start, end + 1, step))
    return frozenset(values), star


def _number(given: str, name: str, wrong: InputError) -> int:
    known = NAMES.get(name, {}).get(given.lower())
    if known is not None:
        return known
    if not (given.isascii() and given.isdigit() and len(given) < LONGEST):
        raise wrong
    return int(given)
