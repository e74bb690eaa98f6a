"""Random fields: the smooth noise from which stains, paper, light and wobble are made."""

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import Delaunay

__all__ = ["blob", "facets", "smooth", "uniform"]


def smooth(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> np.ndarray:
    """Smooth noise (H, W) float32 with features of about `scale` px, mean 0, deviation about 1.

    White noise on a grid of `scale` px, enlarged with a cubic spline: as fast for wide features
    as for narrow ones. Below 1 px it is white noise.
    """
    height, width = shape
    if scale <= 1:
        return rng.standard_normal(shape, dtype=np.float32)
    # Three cells of margin keep the spline's border rule off the page; a random offset of the
    # grid would cost more than the little that it adds.
    rows, columns = int(np.ceil(height / scale)) + 3, int(np.ceil(width / scale)) + 3
    grid = Image.fromarray(rng.standard_normal((rows, columns), dtype=np.float32))
    box = (1.0, 1.0, 1.0 + width / scale, 1.0 + height / scale)
    field = np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC, box=box))
    return field * np.float32(1.22)  # the spline averages neighbours: bring the deviation back


def uniform(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> np.ndarray:
    """Smooth noise (H, W) float32 in [0, 1], about evenly spread."""
    field = smooth(rng, shape, scale)
    return (0.5 + 0.5 * np.tanh(1.1 * field)).astype(np.float32)


def blob(
    rng: np.random.Generator,
    shape: tuple[int, int],
    centre: tuple[float, float],
    radius: float,
    ragged: float = 0.2,
) -> np.ndarray:
    """Signed distance (H, W) float32 in px to the rim of an irregular blob, positive inside.

    `centre` is (y, x), `radius` in px, `ragged` the depth of the rim's bays as a part of it.
    """
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    distance = radius - np.hypot(y - np.float32(centre[0]), x - np.float32(centre[1]))
    for octave in (1.0, 0.35, 0.12):
        rim = smooth(rng, shape, max(2.0, octave * radius))
        distance += np.float32(ragged * radius * octave * 0.5) * rim
    return distance


def facets(
    rng: np.random.Generator,
    shape: tuple[int, int],
    size: float,
    stretch: float = 1.5,
    lamp: float = 0.0,
) -> np.ndarray:
    """Shade (H, W) float32, mean about 0, deviation 1, of crumpled paper under a lamp at an angle.

    The paper is a net of triangles about `size` px wide and `stretch` times as long; each is flat
    and takes the shade of its slope towards the lamp (radians). Some edges are creased.
    """
    height, width = shape
    reach = np.hypot(height, width) / 2 + 2 * size * stretch
    rows, columns = int(2 * reach / size) + 2, int(2 * reach / (size * stretch)) + 2
    net = np.stack(np.mgrid[:rows, :columns], -1).reshape(-1, 2).astype(float)
    net = (net - [(rows - 1) / 2, (columns - 1) / 2] + rng.uniform(-0.5, 0.5, net.shape)) * size
    turn = rng.uniform(0, np.pi)
    cos, sin = np.cos(turn), np.sin(turn)
    points = net * [1, stretch] @ np.array([[cos, sin], [-sin, cos]]) + [height / 2, width / 2]
    # Only the net that the page needs, with a row to spare on each side.
    spare = 1.5 * size * stretch
    points = points[np.all((points > -spare) & (points < np.array(shape) + spare), axis=1)]
    tall = rng.standard_normal(len(points))
    mesh = Delaunay(points)
    a, b, c = (points[mesh.simplices[:, k]] for k in range(3))
    heights = tall[mesh.simplices]
    plane = np.linalg.solve(
        np.stack([b - a, c - a], 1) + 1e-9 * np.eye(2),
        np.stack([heights[:, 1] - heights[:, 0], heights[:, 2] - heights[:, 0]], 1)[..., None],
    )[..., 0]
    shade = np.clip(plane @ [np.sin(lamp), np.cos(lamp)] * size, -2.5, 2.5)
    canvas = Image.new("F", (width, height))
    draw = ImageDraw.Draw(canvas)
    for corners, value in zip(points[mesh.simplices][..., ::-1], shade, strict=True):
        draw.polygon([tuple(p) for p in corners], fill=float(value))
    field = ndimage.gaussian_filter(np.asarray(canvas), max(0.6, size / 30))
    creases = Image.new("F", (width, height))
    draw = ImageDraw.Draw(creases)
    for corner in range(3):
        other = mesh.neighbors[:, corner]
        keep = (np.arange(len(other)) < other) & (rng.random(len(other)) < 0.5)
        bend = 0.8 * np.abs(shade - shade[other]) * rng.choice([-1, 1], len(other))
        ends = points[np.delete(mesh.simplices, corner, axis=1)][..., ::-1]
        for edge, value in zip(ends[keep], bend[keep], strict=True):
            draw.line([tuple(p) for p in edge], fill=float(value), width=2)
    field += ndimage.gaussian_filter(np.asarray(creases), 0.8)
    return (field / max(float(field.std()), 1e-6)).astype(np.float32)
