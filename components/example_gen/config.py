"""The section `data` as far as ingest needs it: which files, and what is done with them.

Importing this file stays free of TensorFlow, so that the command line answers at once.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticKnownError

from components.example_gen.readers.registry import AUTO, READERS, ColumnsConfig
from components.example_gen.storage.allowed import TimeoutsConfig
from components.example_gen.storage.urls import check_scheme, is_web, plain
from components.example_gen.storage.web_hosts import HostPattern
from schema.config.section import Frozen, MaybeOff, PositiveInt
from schema.errors import InputError

EXAMPLES: Final = "examples"
QUARANTINE: Final = "quarantine"
"""Keys of what the node writes."""
ALL: Final = "all"  # the name of the one pattern of `files`, which shares split
AttributeName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=64)]
SplitName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]  # a folder
Keep = Literal["first", "random", "all"]
Pixels = Annotated[int, Field(ge=32)]
Share = Annotated[float, Field(gt=0, le=1)]


def formats() -> list[str]:
    """Return what `data.format` may be: the names of the readers, plugins' too, or `AUTO`."""
    return [AUTO, *sorted(READERS)]


def _check_format(name: str) -> str:
    # The readers are imported for names of theirs only: most configs leave the format to us.
    if name != AUTO and name not in READERS:
        *others, last = map(repr, formats())
        raise PydanticKnownError("literal_error", {"expected": f"{', '.join(others)} or {last}"})
    return name


def _check_readable(address: str) -> str:
    try:
        check_scheme(plain(address))
    except InputError as error:
        raise ValueError(str(error)) from error
    return address


def _check_place(address: str) -> str:
    if is_web(_check_readable(address)):
        HostPattern.of(address)
    elif not address.strip():
        raise ValueError("a folder, a bucket or a host is expected")
    return address


def _add_formats(schema: dict[str, Any]) -> None:
    schema["examples"] = formats()  # not `enum`: plugins may add others


Format = Annotated[str, AfterValidator(_check_format), Field(json_schema_extra=_add_formats)]
Place = Annotated[str, AfterValidator(_check_place)]


class NearDuplicatesConfig(Frozen):
    """Images outside train that are copies of one in train; they would flatter the evaluation."""

    action: Annotated[Literal["remove", "report", "off"], MaybeOff] = "remove"
    """What becomes of those outside train; off compares nothing."""
    similarity: Annotated[float, Field(gt=0, le=1)] = 0.88
    """From which similarity on images are copies: of their pixels, where they differ most."""


class RetainedConfig(Frozen):
    """An older data set that a model must not forget: it is measured, and never trained on.

    Either `release` says what it is, or `path` and `files` do.
    """

    release: str | None = None
    """Folder of a release: the data that it was evaluated on; relative to the config file."""
    path: Annotated[str, AfterValidator(_check_readable)] | None = None
    """Folder of the data, as data.path."""
    files: str | None = None
    """Glob below `path`."""
    format: Format = AUTO
    """Name of the reader; auto: recognised from the files."""
    columns: ColumnsConfig = ColumnsConfig()
    """Names of the columns."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        own = self.path is not None or self.files is not None
        if (self.release is not None) == own:
            raise ValueError("give either release, or path and files")
        if own and (self.path is None or self.files is None):
            raise ValueError("path and files belong together, and one is missing")
        if self.release is not None and (self.format, self.columns) != (AUTO, ColumnsConfig()):
            raise ValueError("format and columns are those of the release: leave them out")
        if self.files is not None and "{" in self.files:
            raise ValueError(
                f"files = {self.files!r} must be a glob of certain files: name one span"
            )
        return self


class IngestConfig(Frozen):
    """What ingest does; travels to it as canonical JSON, so that its cache sees every change."""

    format: Format = AUTO
    """Name of the reader; auto: recognised from the files."""
    path: Annotated[str, AfterValidator(_check_readable)]
    """Folder of the data, or any URL that fsspec opens; relative to the config file."""
    splits: Annotated[dict[SplitName, str | Share], Field(max_length=20)]
    """By name: a glob below `path`, or a share of `files`."""
    allow: Annotated[tuple[Place, ...], Field(max_length=100)] = ()
    """Where else files may lie that rows name or links lead to.

    Folders, relative to the config file; buckets with or without a prefix; hosts, "https://*" for
    every public one.
    """
    timeouts: TimeoutsConfig = TimeoutsConfig()
    """When the file of an image is given up."""
    files: str | None = None
    """Glob below `path` of the files that shares split."""
    columns: ColumnsConfig = ColumnsConfig()
    """Names of the columns."""
    attributes: Annotated[tuple[AttributeName, ...], Field(max_length=100)] = ()
    """Names of columns or fields that are kept, for slicing."""
    max_pixels: PositiveInt = 50_000_000
    """Of one image; one with more is not decoded."""
    max_bytes: PositiveInt = 100_000_000
    """Of one encoded image."""
    max_side: Literal["auto"] | Pixels | None = "auto"
    """Pixels of the larger side to which larger images are shrunk; None: never.

    auto: to what training reads, image.size, and at least 224. With image.fit = crop this is the
    smaller side, and otherwise the larger one.
    """
    max_smaller_side: Pixels | None = None
    """Likewise of the smaller side; None: never."""
    max_caption_characters: PositiveInt = 10_000
    """A longer caption is not used."""
    keep_captions: Keep = "first"
    """Which captions remain of an image with more than text.max_captions.

    The first ones, those that a hash of the key and the caption draws, or all or none: then the
    image goes to the quarantine.
    """
    near_duplicates: NearDuplicatesConfig = NearDuplicatesConfig()
    """What becomes of images outside train that are copies of one in train."""
    retain: Annotated[dict[SplitName, RetainedConfig], Field(max_length=20)] = Field({})
    """Older data sets, by a name for each, that are measured beside the evaluated split."""

    @model_validator(mode="after")
    def _check_splits(self) -> Self:
        shares = self.shares.values()
        if shares and len(shares) < len(self.splits):
            raise ValueError("splits are either all globs or all shares")
        if shares and self.files is None:
            raise ValueError("files is missing: splits are shares of the files it names")
        if not shares and self.files is not None:
            raise ValueError("files is for splits that are shares; these are globs already")
        if shares and abs(sum(shares) - 1) > 1e-6:
            raise ValueError(f"the shares of splits add up to {sum(shares):g}, not to 1")
        taken = sorted({*self.retain} & {*self.splits, ALL})
        if taken:
            raise ValueError(f"retain.{taken[0]}: a split has this name; choose another")
        return self

    @property
    def all_splits(self) -> tuple[str, ...]:
        """The names of the splits, then those of the retained data sets, each a split too."""
        return (*self.splits, *self.retain)

    @property
    def patterns(self) -> dict[str, str]:
        """Globs by split, or under `ALL` the one glob of the files that shares split."""
        if self.files is not None:
            return {ALL: self.files}
        return {name: glob for name, glob in self.splits.items() if isinstance(glob, str)}

    @property
    def shares(self) -> dict[str, float]:
        """Shares by split; empty where globs say which files are in which."""
        return {name: share for name, share in self.splits.items() if not isinstance(share, str)}
