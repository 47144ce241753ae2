"""The places and hosts that a config names, and what is below them."""

import pytest
from pydantic import ValidationError

from components.example_gen.config import IngestConfig
from components.example_gen.files import access_of
from components.example_gen.readers.registry import ColumnsConfig
from components.example_gen.storage.allowed import Allowed
from components.example_gen.storage.errors import OutsideError
from components.example_gen.storage.web_hosts import HostPattern, Hosts
from pipeline.config.data import DataConfig


def test_patterns_of_hosts():
    hosts = Hosts.of((), ("https://*.a.org", "http://b.org", "https://c.org:8443"))
    assert hosts.allows("https", "x.A.org.", 443)
    assert not hosts.allows("https", "a.org", 443)
    assert not hosts.allows("https", "xa.org", 443)
    assert hosts.allows("https", "b.org", 443)  # as redirects of http lead there
    assert not hosts.allows("http", "c.org", 8443)
    with pytest.raises(ValueError, match="only the host is named"):
        HostPattern.of("https://a.org/x")


@pytest.mark.parametrize("bad", ["hf://x", "reference://x", "https://h/x", ""])
def test_entries_of_the_config_that_name_no_place(bad):
    with pytest.raises(ValidationError):
        DataConfig(path="d", splits={"train": "x"}, allow=(bad,))


def test_data_at_an_address_that_is_not_read():
    with pytest.raises(ValidationError, match=r"hf:// is not read; what is: http://, https://"):
        DataConfig(path="hf://x", splits={"train": "x"})


def test_what_globs_name_above_their_first_wildcard_is_the_datas_own(tmp_path):
    def own(pattern: str, **columns) -> list[str]:
        named = ColumnsConfig(**columns)
        config = IngestConfig(path="/d", splits={"train": pattern}, columns=named)
        return list(access_of(config).allowed.own)

    assert own("../e/x-*.csv") == ["/d", "/e"]
    assert own("night-{SPAN}/x") == ["/d"]
    assert own("train") == ["/d", "/d/train"]
    assert own("*.json", image="../pictures") == ["/d", "/pictures"]


def test_buckets_and_prefixes():
    allowed = Allowed(("s3://b/d",), ("gs://c",))
    for inside in ("s3://b/d/x", "s3a://b/d/e/x", "gcs://c/x"):
        allowed.check(inside)
    for outside in ("s3://b/dx", "s3://b/d/../x", "s3://bb/d/x", "s3://b", "gs://cc/x", "/b/d/x"):
        with pytest.raises(OutsideError):
            allowed.check(outside)
