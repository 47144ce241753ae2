"""Compare two images by their pixels, once they are aligned and equally bright.

The measure is that of structural similarity, Z. Wang et al., Image Quality Assessment: From Error
Visibility to Structural Similarity, 2004, without its term of luminance, and its smallest value
over all windows instead of the mean: drawings of one style differ in one place only.
"""

import functools
import io
from typing import Final

import numpy as np
from PIL import Image, ImageOps

SIDE: Final = 64  # pixels that are compared, in each direction
FLAT: Final = 4.0  # levels of 255: the deviation from cubic slopes, below which an image is flat
# By how much one image may be scaled: a crop of 5 % at each side is a scale of 0.9.
_SCALES: Final = (0.88, 1 / 0.88)
_MOST_SHIFT: Final = 8.0  # pixels of 64
_MOST_GAIN: Final = 1.2  # of brightness
_STEPS: Final = ((32, 2.0, 7), (32, 1.0, 4), (64, 1.0, 5))  # side, blur in pixels, iterations
# Correlation after the first step, below which images are not copies: 0.3 % of copies are below
# it, and three quarters of other candidates.
_HOPELESS: Final = 0.95
# In pixels of 64: the blur that removes what encoders and filters add, the windows of grey and of
# colour; and the noise that is added to a variance of grey.
_BLUR, _WINDOW, _WIDE_WINDOW, _NOISE = 0.8, 3.0, 4.0, 200.0
_COLOUR_NOISE: Final = 500.0  # mean square of a difference of colours that counts as 1
_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)
_CHROMA: Final = np.array([[-0.1687, 0.5], [-0.3313, -0.4187], [0.5, -0.0813]], np.float32)


def opened(image: bytes, whole: bool) -> Image.Image:
    """Decode an image as it is stored: upright, in RGB over white.

    Args:
        image: encoded; ingest has checked it.
        whole: every pixel; else a large JPEG may be decoded at a half of its size or less.
    """
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # data.max_pixels was applied
    try:
        file = Image.open(io.BytesIO(image))
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    with file:
        if not whole:
            file.draft("RGB", (2 * SIDE, 2 * SIDE))
        picture = ImageOps.exif_transpose(file)
        if picture.mode.startswith("I;16"):
            picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture).convert("RGB")
    return picture


def shrunk(image: Image.Image) -> np.ndarray:
    """Shrink an image to what is compared, float32 [64, 64, 3], whatever its aspect ratio."""
    small = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(small, np.float32)


def is_flat(small: np.ndarray) -> bool:
    """Return whether an image shows hardly more than smooth slopes, as many images do."""
    grey = (small @ _LUMA).ravel()
    return bool(np.std(grey - _SLOPES @ (_SLOPES.T @ grey)) < FLAT)


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Return how similar two images are where they differ most, in [0, 1]; 1 is the same image.

    Copies that were encoded anew, resized, brightened by 10 % or that lack 5 % of their width and
    height are above 0.88; drawings of one style hardly ever are.

    Args:
        a: float32 [64, 64, 3] of levels up to 255.
        b: likewise.
    """
    grey_a, grey_b = a @ _LUMA, b @ _LUMA
    at = _aligned(grey_a, grey_b)
    if at is None:
        return 0.0
    rows, inside_rows = _positions(SIDE, *at[2:])
    columns, inside_columns = _positions(SIDE, *at[:2])
    moved = np.stack([rows @ b[..., i] @ columns.T for i in range(3)], -1)
    inside = np.outer(inside_rows, inside_columns).astype(np.float32)
    if inside.mean() < 0.7:
        return 0.0
    difference = _difference(a, moved, inside > 0)
    grey = _windowed(grey_a, inside, _BLUR)
    mean = _windowed(grey, inside, _WINDOW)
    variance = np.maximum(_windowed(grey**2, inside, _WINDOW) - mean**2, 0)
    error = _windowed(_windowed(difference @ _LUMA, inside, _BLUR) ** 2, inside, _WINDOW)
    chroma = difference @ _CHROMA
    shift = sum(_windowed(chroma[..., i], inside, _WIDE_WINDOW) ** 2 for i in range(2))
    distance = np.maximum(error / (2 * variance + _NOISE), shift / _COLOUR_NOISE)
    return float(np.clip(1 - distance[inside > 0].max(), 0, 1))


def _aligned(a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """Find the shift and scale of x, then of y, that lay b on a: Gauss-Newton, coarse to fine.

    Formula: a(x, y) = gain b(scale_x x + shift_x, scale_y y + shift_y) + offset, in pixels of 64
    from the middle. None for images that are too different to be aligned.
    """
    at = np.array([0.0, 1.0, 0.0, 1.0])
    light = (1.0, 0.0)
    for side, blur, iterations in _STEPS:
        step = SIDE // side
        one, other = (_blurred(_reduced(values, step), blur) for values in (a, b))
        for _ in range(iterations):
            at, light = _better(one, other, at, light)
        if blur == _STEPS[0][1] and _correlation(one, *_moved(other, at)) < _HOPELESS:
            return None
    return at


def _better(
    a: np.ndarray, b: np.ndarray, at: np.ndarray, light: tuple[float, float]
) -> tuple[np.ndarray, tuple[float, float]]:
    """Take one step of Gauss-Newton at the size of a and b; `light` is gain and offset."""
    gain, offset = light
    step, side = SIDE / len(a), len(a)
    middle = (np.arange(side) + 0.5 - side / 2).astype(np.float32)
    moved, inside = _moved(b, at)
    down, across = np.gradient(moved)
    across, down = gain * across * inside / at[1], gain * down * inside / at[3]
    slopes = (across, across * middle, down, down * middle[:, None], moved * inside, inside)
    system = np.stack([slope.ravel() for slope in slopes])
    left = ((a - gain * moved - offset) * inside).ravel()
    normal = system @ system.T
    normal[range(6), range(6)] += 1e-3 * normal.diagonal() + 1e-2
    change = np.linalg.solve(normal.astype(np.float64), (system @ left).astype(np.float64))
    at = at + change[:4] * (step, 1, step, 1)
    at[::2] = at[::2].clip(-_MOST_SHIFT, _MOST_SHIFT)
    at[1::2] = at[1::2].clip(*_SCALES)
    return at, (float(np.clip(gain + change[4], 0.5, 2)), offset + float(change[5]))


def _moved(b: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read b at other places; and where those are inside of it, 0 or 1."""
    step = SIDE / len(b)
    rows, inside_rows = _positions(len(b), at[2] / step, at[3])
    columns, inside_columns = _positions(len(b), at[0] / step, at[1])
    return rows @ b @ columns.T, np.outer(inside_rows, inside_columns).astype(np.float32)


def _correlation(a: np.ndarray, b: np.ndarray, inside: np.ndarray) -> float:
    one, other = (values[inside > 0] - values[inside > 0].mean() for values in (a, b))
    return float(one @ other / np.sqrt(max(1e-6, float((one @ one) * (other @ other)))))


def _difference(a: np.ndarray, b: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Subtract b from a, [64, 64, 3], at the brightness at which they differ least.

    What is cut off at 255 counts as equal, and so does all outside.
    """
    one, other = a[inside], b[inside]
    between = (one > 20) & (one < 245) & (other > 20) & (other < 245)
    gains = [1.0, float((one * other).sum() / max(1.0, float((other**2).sum())))]
    if between.sum() > 50:
        gains.append(float(np.median(one[between] / other[between])))
    best = None
    for gain in np.clip(gains, 1 / _MOST_GAIN, _MOST_GAIN):
        forwards = a - np.minimum(255, gain * b)
        backwards = (np.minimum(255, a / gain) - b) * gain
        least = np.where(np.abs(forwards) < np.abs(backwards), forwards, backwards)
        least *= inside[..., None]
        if best is None or (least**2).sum() < (best**2).sum():
            best = least
    assert best is not None
    return best


def _positions(side: int, shift: float, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a matrix [side, side] that reads a row at other places, and which are inside."""
    places = (np.arange(side) + 0.5 - side / 2) * scale + shift + side / 2 - 0.5
    inside = (places > -0.75) & (places < side - 0.25)
    near = places.clip(0, side - 1)[:, None] - np.arange(side)
    return np.maximum(0, 1 - np.abs(near)).astype(np.float32), inside


def _windowed(values: np.ndarray, inside: np.ndarray, sigma: float) -> np.ndarray:
    """Return the mean of a Gaussian window around each pixel, of the pixels inside."""
    return _blurred(values * inside, sigma) / np.maximum(_blurred(inside, sigma), 0.05)


def _blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    kernel = _gaussian(len(values), sigma)
    return kernel @ values @ kernel.T


@functools.cache
def _gaussian(side: int, sigma: float) -> np.ndarray:
    apart = np.arange(side)[:, None] - np.arange(side)
    kernel = np.exp(-(apart**2) / (2 * sigma**2))
    return (kernel / kernel.sum(1, keepdims=True)).astype(np.float32)


def _reduced(values: np.ndarray, step: int) -> np.ndarray:
    side = len(values) // step
    return values.reshape(side, step, side, step).mean((1, 3))


def _cubic() -> np.ndarray:
    """Return an orthonormal basis [64 x 64, 10] of the polynomials of degree 3."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    terms = [(x**i * y**j).ravel() for i in range(4) for j in range(4 - i)]
    return np.linalg.qr(np.stack(terms, 1))[0].astype(np.float32)


_SLOPES: Final = _cubic()
