"""What light and camera do to a page: uneven light, the fold's shadow, blur, noise, JPEG.

Each function takes a page, float32 (H, W) in [0, 1] with paper 1, and a generator; it returns the
new page, what the generator drew (for the passport), and masks, bool (H, W), of what it marked.
Grey levels count from 0 to 255.
"""

import io

import numpy as np
from PIL import Image
from scipy import ndimage, signal

from data_prep.fields import smooth, uniform

__all__ = [
    "camera_shake", "defocus", "disc_kernel", "fold_shadow", "jpeg", "line_kernel", "motion_blur",
    "noise", "shake_kernel", "uneven_light",
]  # fmt: skip

Result = tuple[np.ndarray, dict[str, object], dict[str, np.ndarray]]


def uneven_light(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    range_grey: float = 60.0,
    angle_degrees: float | None = None,
) -> Result:
    """Light falls off across the page: the darkest white is `range_grey` below the lightest."""
    if angle_degrees is None:
        angle_degrees = float(rng.uniform(0, 360))
    angle = np.radians(angle_degrees)
    y = np.linspace(-1, 1, page.shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, page.shape[1], dtype=np.float32)[None, :]
    field = y * np.float32(np.sin(angle)) + x * np.float32(np.cos(angle))
    field = field + np.float32(0.5) * smooth(rng, page.shape, 0.7 * max(page.shape))
    low, high = float(field.min()), float(field.max())
    dark = (field - low) / max(high - low, 1e-6) * np.float32(range_grey / 255)
    return (page * (1 - dark)).astype(np.float32), {"angle_degrees": round(angle_degrees, 1)}, {}


def fold_shadow(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    depth_grey: float = 110.0,
    width_px: float = 120.0,
    side: str | None = None,
) -> Result:
    """The shadow in the gutter of a bound book, along one side of the page.

    White paper is `depth_grey` darker at the edge, and e times less every `width_px` further in.
    `side` is left, right, top or bottom. Mask `shadow`: darker by 8 grey levels or more.
    """
    side = side or str(rng.choice(["left", "right", "left", "right", "top", "bottom"]))
    across = side in ("left", "right")
    length = page.shape[1] if across else page.shape[0]
    away = np.arange(length, dtype=np.float32)
    if side in ("right", "bottom"):
        away = away[::-1]
    line = np.exp(-away / np.float32(width_px))
    field = line[None, :] if across else line[:, None]
    dark = np.float32(depth_grey) * field * (0.8 + 0.2 * uniform(rng, page.shape, 300.0))
    return (page * (1 - dark / 255)).astype(np.float32), {"side": side}, {"shadow": dark >= 8}


def disc_kernel(radius_px: float) -> np.ndarray:
    """The blur of a lens out of focus: a disc, float32 (K, K), K odd, sum 1, its edge smooth."""
    reach = int(np.ceil(radius_px))
    fine = (np.arange((2 * reach + 1) * 8, dtype=np.float32) + 0.5) / 8 - reach - 0.5
    inside = (np.hypot(fine[:, None], fine[None, :]) <= max(radius_px, 0.5)).astype(np.float32)
    kernel = inside.reshape(2 * reach + 1, 8, 2 * reach + 1, 8).sum((1, 3))
    return kernel / kernel.sum()


def _splat(path: np.ndarray) -> np.ndarray:
    """A path of points (N, 2) as (y, x) in px -> the kernel (K, K), K odd, that it exposes."""
    path = path - path.mean(0)
    reach = int(np.ceil(np.abs(path).max())) + 1
    kernel = np.zeros((2 * reach + 1,) * 2)
    at = path + reach
    low = np.floor(at).astype(int)
    part = at - low
    for oy in (0, 1):
        for ox in (0, 1):
            weight = np.abs(1 - oy - part[:, 0]) * np.abs(1 - ox - part[:, 1])
            np.add.at(kernel, (low[:, 0] + oy, low[:, 1] + ox), weight)
    return (kernel / kernel.sum()).astype(np.float32)


def line_kernel(length_px: float, angle_degrees: float) -> np.ndarray:
    """Straight motion during the exposure: a line, float32 (K, K), K odd, sum 1."""
    at = np.linspace(-0.5, 0.5, max(2, int(8 * length_px) + 2)) * length_px
    angle = np.radians(angle_degrees)
    return _splat(np.stack([at * np.sin(angle), at * np.cos(angle)], 1))


def shake_kernel(rng: np.random.Generator, size_px: float) -> np.ndarray:
    """The shake of a hand: a smooth random walk that spans `size_px`, float32 (K, K), sum 1."""
    count = 200
    bends = rng.uniform(10, 60)  # of 200: some walks are nearly straight, some turn back
    speed = ndimage.gaussian_filter1d(
        rng.standard_normal((count, 2)), bends, axis=0, mode="nearest"
    )
    speed /= speed.std() + 1e-9
    path = np.cumsum(speed + rng.normal(0, 0.5, 2), 0)
    span = np.ptp(path, axis=0).max()
    return _splat(path * (max(size_px - 1, 0.0) / span))


def _convolve(page: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Blur, the page continued at its edges by its own mirror image."""
    reach = kernel.shape[0] // 2
    if reach >= min(page.shape):
        mode = "edge"  # a page smaller than the kernel cannot be mirrored once
    else:
        mode = "symmetric"
    wide = np.pad(page, reach, mode=mode)
    return np.clip(signal.oaconvolve(wide, kernel, mode="valid"), 0, 1).astype(np.float32)


def defocus(page: np.ndarray, rng: np.random.Generator, *, radius_px: float = 2.0) -> Result:
    """A lens out of focus: each point becomes a disc of `radius_px`."""
    return _convolve(page, disc_kernel(radius_px)), {}, {}


def motion_blur(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    length_px: float = 8.0,
    angle_degrees: float | None = None,
) -> Result:
    """The camera moved straight on: each point becomes a line of `length_px`."""
    if angle_degrees is None:
        angle_degrees = float(rng.uniform(0, 180))
    blurred = _convolve(page, line_kernel(length_px, angle_degrees))
    return blurred, {"angle_degrees": round(angle_degrees, 1)}, {}


def camera_shake(page: np.ndarray, rng: np.random.Generator, *, size_px: float = 9.0) -> Result:
    """A hand held the camera: each point becomes a smooth random walk that spans `size_px`."""
    kernel = shake_kernel(rng, size_px)
    return _convolve(page, kernel), {"kernel": np.round(kernel, 5).tolist()}, {}


def noise(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    std_grey: float = 4.0,
    grain_px: float = 1.0,
) -> Result:
    """The sensor's noise: Gaussian, `std_grey` (standard deviation); film has `grain_px` > 1."""
    noisy = page + np.float32(std_grey / 255) * smooth(rng, page.shape, grain_px)
    return np.clip(noisy, 0, 1), {}, {}


def jpeg(page: np.ndarray, rng: np.random.Generator, *, quality: int = 60) -> Result:
    """Saved as JPEG once, at Pillow's `quality` (1 to 95)."""
    file = io.BytesIO()
    Image.fromarray(np.rint(page * 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return np.asarray(image, np.float32) / 255, {"bytes": file.tell()}, {}
