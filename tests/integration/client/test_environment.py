"""The wheel with the extra `client` in an environment of its own: no TFX, the same embeddings."""

import json
import os
import subprocess
import sys
import tomllib

import numpy as np
import pytest

import diptych
from tests.support.paths import ROOT
from tests.support.small_run import read_shard

PROGRAM = """
import importlib.util, json, sys
import numpy as np
import diptych
release = diptych.load(sys.argv[1])
folder = release.index(sys.argv[2])
vectors = release.embed_images([folder.folder / key for key in folder.keys])
np.savez(sys.argv[3], images=vectors, texts=release.embed_texts(["cat", "a red apple"]))
hits = [hit.key for hit in release.search("cat", k=5)]
foreign = [n for n in ("tfx", "apache_beam", "kfp", "mlflow") if importlib.util.find_spec(n)]
print(json.dumps({"hits": hits, "foreign": foreign, "keys": list(folder.keys)}))
"""


def uv(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "uv", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, **options)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A Python with what the extra names, in the versions of the lock, and the wheel."""
    folder = tmp_path_factory.mktemp("client")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    # Without hashes: the wheel itself is in no lock.
    pins = folder / "pins.txt"
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    pins.write_text("".join(f"{x.split(' ')[0]}\n" for x in lines if "==" in x and x[0] != " "))
    python = str(folder / "venv" / "bin" / "python")
    uv("venv", "--quiet", "--python", sys.executable, str(folder / "venv"), check=True)
    install = ("--quiet", "--python", python, "--constraint", str(pins))
    overrides = ("--override", str(written_overrides(folder)))
    done = uv("pip", "install", *install, *overrides, f"{wheel}[client]")
    if done.returncode and ("dns error" in done.stderr or "error sending request" in done.stderr):
        pytest.skip("the packages are neither in uv's cache nor can they be had from a registry")
    assert done.returncode == 0, done.stderr
    return python


def environment_without_tfx() -> dict[str, str]:
    """What this process was started with: importing TFX sets a variable for Keras 2."""
    return {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}


def written_overrides(folder):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    file = folder / "overrides.txt"
    file.write_text("\n".join(settings["tool"]["uv"]["override-dependencies"]))
    return file


def test_the_client_alone_embeds_as_the_signatures_do(environment, small_run, tmp_path):
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  registers ops

    from schema import features

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    records = sorted(
        read_shard(str(small_run.folder / "data" / "eval-0.tar")), key=lambda record: record.key
    )[:20]
    for number, record in enumerate(records):
        (pictures / f"{number:02d}.png").write_bytes(record.image)
    serving, answers = small_run.folder / "serving", tmp_path / "answers.npz"
    done = subprocess.run(
        [environment, "-I", "-c", PROGRAM, str(serving), str(pictures), str(answers)],
        capture_output=True, text=True, cwd=tmp_path,
        env={**environment_without_tfx(), "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["foreign"] == []
    assert report["keys"] == [f"{number:02d}.png" for number in range(20)]
    assert report["hits"] == [h.key for h in diptych.load(serving).search("cat", k=5)]
    signatures = tf.saved_model.load(str(small_run.release)).signatures
    images = signatures["embed_image"](image=tf.constant([record.image for record in records]))
    texts = signatures["embed_text"](text=tf.constant(["cat", "a red apple"]))
    with np.load(answers) as theirs:
        np.testing.assert_allclose(
            theirs["images"], images[features.EMBEDDING].numpy(), rtol=0, atol=1e-6
        )
        np.testing.assert_allclose(
            theirs["texts"], texts[features.EMBEDDING].numpy(), rtol=0, atol=1e-6
        )


def test_a_command_that_needs_more_names_the_extra(environment, tmp_path):
    diptych_command = environment.removesuffix("python") + "diptych"
    for arguments in (["--version"], ["--help"]):
        done = subprocess.run([diptych_command, *arguments], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "config.yaml").write_text((ROOT / "examples/emoji/config.yaml").read_text())
    done = subprocess.run(
        [diptych_command, "run", "config.yaml"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "which is not installed; install diptych[pipeline]"
    ), done.stderr
