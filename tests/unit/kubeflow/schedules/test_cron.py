"""Cron with seconds: the times it comes, and what is refused."""

import datetime
import itertools

import pytest

from kubeflow.schedules.cron import parse
from schema.errors import InputError

MONDAY = datetime.datetime(2026, 11, 23, 19, 43, 10, 500, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("0 0 2 * * *", ["11-24 02:00:00", "11-25 02:00:00", "11-26 02:00:00"]),
        ("  30 15  20 * * ? ", ["11-23 20:15:30", "11-24 20:15:30", "11-25 20:15:30"]),
        ("0 */20 19 * * *", ["11-24 19:00:00", "11-24 19:20:00", "11-24 19:40:00"]),
        ("5/25 43 19 * * *", ["11-23 19:43:30", "11-23 19:43:55", "11-24 19:43:05"]),
        ("10 43 19 * * *", ["11-24 19:43:10", "11-25 19:43:10", "11-26 19:43:10"]),  # not now
        ("0 0 9-17/4 * * mon,WED", ["11-25 09:00:00", "11-25 13:00:00", "11-25 17:00:00"]),
        ("0 0 0 1 jan,6 *", ["01-01 00:00:00", "06-01 00:00:00", "01-01 00:00:00"]),
        # Day and weekday both given: on either, Fridays 27 November and 4 December, the 1st.
        ("0 0 0 1 * 5", ["11-27 00:00:00", "12-01 00:00:00", "12-04 00:00:00"]),
        # A star in one of them: on both. The odd Mondays from 30 November on.
        ("0 0 0 */2 * 1", ["12-07 00:00:00", "12-21 00:00:00", "01-11 00:00:00"]),
        ("0 0 0 29 2 *", ["02-29 00:00:00"]),  # 2028, and then 2032: past five years
    ],
)
def test_when_it_comes(text, times):
    found = itertools.islice(parse(text).after(MONDAY), 3)
    assert [f"{at:%m-%d %H:%M:%S}" for at in found] == times


def test_sunday_is_0():
    sunday = next(parse("0 0 0 * * 0").after(MONDAY))
    assert sunday.isoformat() == "2026-11-29T00:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "0 2 * * *",
            'cron "0 2 * * *" has five fields, and Kubeflow\'s begins with the seconds: '
            'write "0 0 2 * * *"',
        ),
        ("@daily", 'cron "@daily" is written with six fields: "0 0 0 * * *"'),
        (
            "@every 1h",
            'cron "@every 1h" has 2 fields, not six: second minute hour day month weekday',
        ),
        ("", 'cron "" has 0 fields, not six: second minute hour day month weekday'),
        (
            "0 0 24 * * *",
            'cron "0 0 24 * * *": 24 is not a valid hour: use numbers from 0 to 23, as *, a list, '
            "a-b or a/step",
        ),
        (
            "0 0 2 * * 7",
            'cron "0 0 2 * * 7": 7 is not a valid weekday: use numbers from 0 to 6 or names, as '
            "*, a list, "
            "a-b or a/step",
        ),
        ("0 0 0 31 2 *", 'cron "0 0 0 31 2 *" never comes: no such month has such a day'),
    ],
)
def test_what_is_refused(text, sentence):
    with pytest.raises(InputError) as caught:
        parse(text)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "minute",
    ["x", "-1", "1-", "5-3", "*/0", "1//2", "1-2-3", "1,,2", "60", "*-5", "mon", "²", "9" * 5000],
)
def test_a_field_that_cannot_be_read(minute):
    with pytest.raises(InputError, match="is not a valid minute") as caught:
        parse(f"0 {minute} 2 * * *")
    assert len(str(caught.value)) < 300
