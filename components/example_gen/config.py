"""Where the records are and what is done with them on the way in: typed, frozen.

Importing this file stays free of TensorFlow, so that the command line answers at once.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from components.example_gen.storage.urls import check_scheme, is_web, plain
from components.example_gen.storage.web_hosts import HostPattern
from schema.config.section import Frozen, MaybeOff, PositiveInt
from schema.errors import InputError

AttributeName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=64)]
SplitName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]  # a folder
Format = Literal["auto", "webdataset", "tfrecord", "jsonl", "csv", "parquet", "coco", "folder"]
OFF = "off"  # in place of a column's name: none is read
Keep = Literal["first", "random", "all"]
Share = Annotated[float, Field(gt=0, le=1)]
Seconds = Annotated[float, Field(gt=0)]


def _readable(address: str) -> str:
    try:
        check_scheme(plain(address))
    except InputError as error:
        raise ValueError(str(error)) from error
    return address


def _place(address: str) -> str:
    if is_web(_readable(address)):
        HostPattern.of(address)
    elif not address.strip():
        raise ValueError("a folder, a bucket or a host is expected")
    return address


Place = Annotated[str, AfterValidator(_place)]


class ColumnsConfig(Frozen):
    """What the columns, features or fields of the files are called; none: the usual names."""

    image: str | None = None  # path, encoded bytes, base64 text or {bytes, path}
    captions: str | tuple[str, ...] | None = None  # of text or of lists of it
    # None, and no usual name, or off: the image's path, else the digest of its bytes.
    key: Annotated[str | None, MaybeOff] = None
    labels: str | None = None  # a 0 or 1 for each caption

    @property
    def named_key(self) -> str | None:
        """The column of the key, if one is named."""
        return None if self.key == OFF else self.key


class NearDuplicatesConfig(Frozen):
    """Images outside train that show what one in it shows would flatter the evaluation."""

    # remove: those outside train
    action: Annotated[Literal["remove", "report", "off"], MaybeOff] = "remove"
    similarity: Annotated[float, Field(gt=0, le=1)] = 0.88  # of the pixels, where they differ most


class TimeoutsConfig(Frozen):
    """Seconds after which the file of an image is given up: its record is `timed_out`."""

    connect: Seconds = 10  # until its server or store has answered
    read: Seconds = 10  # without a byte
    record: Seconds = 30  # until all of it is here


class IngestConfig(Frozen):
    """Everything ingest is told; travels to it as canonical JSON, so that its cache sees it."""

    format: Format = "auto"  # auto: recognised from the files
    # Folder of the data, or any URL fsspec opens; relative to the config file.
    path: Annotated[str, AfterValidator(_readable)]
    # Name: glob below `path`; or of each a share of `files`.
    splits: Annotated[dict[SplitName, str | Share], Field(max_length=20)]
    # Where else files may be that rows name or links lead to: folders, relative to the config file;
    # buckets with or without a prefix; hosts, "https://*" for every public one.
    allow: Annotated[tuple[Place, ...], Field(max_length=100)] = ()
    timeouts: TimeoutsConfig = TimeoutsConfig()
    files: str | None = None  # glob below `path` of what the shares are of
    columns: ColumnsConfig = ColumnsConfig()
    attributes: Annotated[tuple[AttributeName, ...], Field(max_length=100)] = ()  # for slicing
    max_pixels: PositiveInt = 50_000_000  # of one image: more is not even decoded
    max_bytes: PositiveInt = 100_000_000  # of one encoded image
    max_side: Annotated[int, Field(ge=32)] | None = None  # larger images are shrunk to it
    max_caption_characters: PositiveInt = 10_000  # a longer caption is not used
    # Of an image with more than text.max_captions: the first ones, those that a hash of the key and
    # the caption draws, or all or none: the image goes to the quarantine.
    keep_captions: Keep = "first"
    near_duplicates: NearDuplicatesConfig = NearDuplicatesConfig()

    @model_validator(mode="after")
    def _splits_come_from_somewhere(self) -> Self:
        shares = self.shares.values()
        if shares and len(shares) < len(self.splits):
            raise ValueError("splits are either all globs or all shares")
        if shares and self.files is None:
            raise ValueError("files is missing: splits are shares of the files it names")
        if not shares and self.files is not None:
            raise ValueError("files is for splits that are shares; these are globs already")
        if shares and abs(sum(shares) - 1) > 1e-6:
            raise ValueError(f"the shares of splits add up to {sum(shares):g}, not to 1")
        return self

    @property
    def patterns(self) -> dict[str, str]:
        """Globs by split, or the one glob of what the key's hash will split, under `ALL`."""
        if self.files is not None:
            return {ALL: self.files}
        return {name: glob for name, glob in self.splits.items() if isinstance(glob, str)}

    @property
    def shares(self) -> dict[str, float]:
        """Shares by split; empty where globs say what is in which."""
        return {name: each for name, each in self.splits.items() if not isinstance(each, str)}


ALL = "all"  # the name of the files' one pattern where shares split them
