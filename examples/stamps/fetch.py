"""Make the data set of this example: the stamps of Tux Paint, or a folder of your own.

    make photos                              the stamps, from Debian's package
    make photos PICTURES=/path/to/folder     pictures with captions beside them: duck.png, duck.txt

The package is downloaded by apt-get and unpacked below `runs/`, without root; nothing is installed.
A fifth of the pictures is held out for evaluation. The config trains on the first caption of each.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pictures import SUFFIXES, read_pictures, write_data

from schema.text.untrusted_text import escaped

PACKAGE = "tuxpaint-stamps-default"
STAMPS = Path("usr", "share", "tuxpaint", "stamps")  # in the package
RUNS = Path(__file__).resolve().parents[2] / "runs" / "stamps"
HELD_OUT = 0.2
ENOUGH = 200  # pictures: the train split must hold a batch of the config
OWN = "name a folder of pictures of your own instead: make photos PICTURES=/path/to/folder"


def download(runs: Path) -> Path:
    """Download and unpack the stamps, once; return their folder.

    Raises:
        SystemExit: this machine has no apt-get or dpkg-deb, or the download failed.
    """
    folder = runs / "package"
    if (folder / STAMPS).is_dir():
        return folder / STAMPS
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is missing here, so that {PACKAGE} cannot be fetched; {OWN}")
    runs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=runs) as scratch:
        print(f"downloading {PACKAGE}, 160 MB, once", flush=True)
        fetched = subprocess.run(
            ["apt-get", "download", "-qq", PACKAGE], cwd=scratch, capture_output=True, text=True
        )
        packages = list(Path(scratch).glob("*.deb"))
        if fetched.returncode or not packages:
            reason = (fetched.stderr.strip().splitlines() or ["it printed nothing"])[-1]
            sys.exit(
                f"apt-get download {PACKAGE} failed: {reason}; run apt-get update as root if its "
                f"lists are old, or {OWN}"
            )
        unpacked = Path(scratch, "unpacked")
        done = subprocess.run(
            ["dpkg-deb", "-x", str(packages[0]), str(unpacked)], capture_output=True, text=True
        )
        if done.returncode or not (unpacked / STAMPS).is_dir():
            sys.exit(f"{PACKAGE} cannot be unpacked: {done.stderr.strip() or 'no stamps in it'}")
        shutil.rmtree(folder, ignore_errors=True)
        unpacked.rename(folder)
    return folder / STAMPS


def main() -> None:
    """Write the data set to runs/stamps/data."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="a folder of your own")
    folder = parser.parse_args().pictures
    shown = escaped(str(folder))
    if folder is not None and not folder.is_dir():
        sys.exit(f"{shown} is not a folder")
    data = RUNS / "data"
    if folder is not None and data in (folder.resolve(), *folder.resolve().parents):
        sys.exit(f"{shown} is what this program writes; name the folder of the originals")
    try:
        prepare(folder or download(RUNS), data)
    except OSError as error:
        sys.exit(f"{escaped(str(error.filename or data))}: {error.strerror}")


def prepare(folder: Path, data: Path) -> None:
    """Write the data set of a folder of pictures.

    Raises:
        OSError: a file cannot be read or written.
    """
    pictures, skipped = read_pictures(folder)
    if skipped:
        print(f"{len(skipped)} pictures are left out, the first: {escaped(skipped[0])}")
    if len(pictures) < ENOUGH:
        kinds = ", ".join(SUFFIXES)
        sys.exit(
            f"{escaped(str(folder))} holds {len(pictures)} pictures ({kinds}) with a .txt beside "
            f"them; this example needs {ENOUGH}"
        )
    counts = write_data(pictures, data, share=HELD_OUT, seed=0)
    print(f"{counts['train']} pictures to train on, {counts['eval']} held out")


if __name__ == "__main__":
    main()
