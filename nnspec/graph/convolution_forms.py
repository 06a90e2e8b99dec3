"""Which operators compute a convolution and its gradients: all choices, each with what it was measured by.

Milliseconds on one thread, the least of many runs that took turns. N images of C channels, M filters.
"""

from __future__ import annotations

from math import prod
from typing import Literal

from nnspec.graph.convolution import Geometry

ForwardForm = Literal["direct", "winograd", "pointwise", "depthwise"]
InputForm = Literal["transposed", "flipped"]
WeightForm = Literal["whole", "slices", "swapped", "sums", "diagonals"]


def forward_form(geo: Geometry) -> tuple[ForwardForm, tuple[int, ...]]:
    """The form in which a convolution trains, and the tiles of Winograd's; see `nnspec.graph.training_forms`.

    With all gradients, direct and by F(2, 3) and F(4, 3), beside PyTorch's time:

    | N, C, size, M, stride                 | PyTorch | direct | F(2, 3) | F(4, 3) |
    |---------------------------------------|---------|--------|---------|---------|
    | 16, 16, 32 x 32, 16, 1                | 3.3     | 2.8    | 7.5     | 2.6     |
    | 64, 16, 8 x 8, 32, 1                  | 1.0     | 1.6    | 1.5     | 0.95    |
    | 16, 64, 32 x 32, 64, 1                | 18.4    | 22.6   | 28.2    | 17.0    |
    | 16, 128, 16 x 16, 128, 1              | 16.3    | 21.2   | 15.1    | 8.8     |
    | 16, 256, 8 x 8, 256, 1                | 17.0    | 23.3   | 11.8    | 8.2     |
    | 16, 512, 4 x 4, 512, 1                | 18.2    | 31.7   | 13.4    | 16.4    |
    | 64, 512, 4 x 4, 512, 1                | 57.9    | 119    | 36.6    | 29.3    |
    | 4, 256, 14 x 14, 256, 1               | 11.9    | 14.5   | 8.0     | 7.1     |
    | 16, 32, 32 x 32, 64, 2                | 3.4     | 4.7    | 4.9     | 4.4     |
    | 16, 64, 32 x 32, 128, 2               | 9.5     | 12.9   | 14.4    | 13.5    |
    | 16, 128, 16 x 16, 256, 2              | 9.2     | 11.1   | 8.7     | 9.3     |
    | 16, 256, 8 x 8, 512, 2                | 11.1    | 14.5   | 9.4     | 25.8    |

    With stride 2, only products scale: on two threads, direct and by F(2, 3) and F(4, 3), 16, 64, 32 x 32, 128 takes
    12.5, 10.7 and 10.1, where one takes 15.5, 20.4 and 18.9 at that moment.

    As products of matrices, 1 x 1 and 3 x 3 depthwise:

    | N, C, size, M, kernel             | PyTorch | direct | products |
    |-----------------------------------|--------:|-------:|---------:|
    | 16, 96, 16x16, 24, 1x1            |    0.90 |   0.42 |     0.53 |
    | 16, 144, 8x8, 32, 1x1             |    0.31 |   0.18 |     0.19 |
    | 16, 160, 2x2, 960, 1x1            |    0.96 |   1.29 |     0.57 |
    | 16, 512, 4x4, 2048, 1x1           |    8.3  |   13.7 |      8.4 |
    | depthwise 1, 192, 8x8, 3x3        |    0.24 |   0.29 |     0.39 |
    | depthwise 4, 192, 8x8, 3x3        |    0.34 |   0.55 |     0.58 |
    | depthwise 16, 192, 8x8, 3x3       |    0.53 |   1.97 |     0.92 |
    | depthwise 16, 960, 7x7, 3x3       |    2.2  |   12   |      4.0 |
    | depthwise 64, 64, 14x14, 3x3      |    2.1  |   9.6  |     15.7 |
    | depthwise 16, 144, 16x16, 3x3, 2  |    1.0  |   2.3  |      2.6 |

    A fifth of the products for 1 x 1 is the exchange of images and channels, which is spared between two of them.
    """
    if geo.elements == 1 and geo.groups == 1 and set(geo.strides) == {1} and geo.inner == geo.outer:
        return "pointwise" if geo.places <= 64 else "direct", ()
    if geo.groups == geo.channels == geo.filters > 1:
        return "depthwise" if prod(geo.inner) * (MATRIX / geo.rows + PRODUCT) < DIRECT else "direct", ()
    plain = geo.groups == 1 and set(geo.dilations) == {1} and geo.axes <= 2 and set(geo.kernel) == {3}
    least = {(1,) * geo.axes: 16, (2,) * geo.axes: 64}.get(tuple(geo.strides))
    if plain and least and min(geo.channels, geo.filters) >= least:
        return "winograd", min(((tile,) * geo.axes for tile in (4, 2)), key=lambda tiles: _weighed(geo, tiles))
    return "direct", ()


MATRIX, PRODUCT, DIRECT = 0.37, 0.05, 8.0
"""Nanoseconds with all gradients, depthwise: to make and move an element of the matrices from images to results, to
multiply by it, and, for each result, of the direct form.
"""
BANK = 54
"""Rows of data whose product with a matrix of the filters takes as long as to make and to move that matrix."""


def _weighed(geo: Geometry, tiles: tuple[int, ...]) -> int:
    """What the time of Winograd's form is in proportion to: for each point, the rows of data."""
    axes = zip(tiles, geo.outer, geo.kernel, geo.strides, strict=True)
    counts = [(tile * stride + kernel - stride, -(-size // tile)) for tile, size, kernel, stride in axes]
    return prod(points for points, _ in counts) * (geo.rows * prod(number for _, number in counts) + BANK)


def input_form(geo: Geometry) -> InputForm:
    """The gradient of the images: as a transposed convolution, or as a convolution by the flipped weight.

    | N, C, size, M, kernel        | transposed | flipped |
    |------------------------------|-----------:|--------:|
    | 16, 32, 16x16, 192, 1        |       0.33 |    0.28 |
    | 16, 960, 2x2, 320, 1         |       1.47 |    0.71 |
    | 16, 64, 32x32, 64, 3x3       |       6.57 |    6.58 |
    | 16, 256, 8x8, 256, 3x3       |       6.78 |    5.92 |
    | 16, 512, 4x4, 512, 3x3       |       11.9 |     8.3 |
    | 16, 64, 8x8, 256, 3x3        |       1.58 |    1.96 |
    | 64, 6, 14x14, 16, 5x5        |       0.31 |    1.59 |
    | depthwise 16, 32, 32x32, 3x3 |       0.68 |    0.59 |
    | depthwise 16, 64, 16x16, 5x5 |       0.97 |    1.25 |
    | 4, 64, 8x8x8, 64, 3x3x3      |       4.43 |    2.99 |
    | 4, 1, 16x16x16, 16, 3x3x3    |       0.24 |    1.47 |
    | 16, 256, 64, 256, 3          |       2.16 |    1.94 |
    """
    channels, filters = geo.channels // geo.groups, geo.filters // geo.groups
    inside = all(end >= 0 and max(begin, end) < extent for begin, end, extent in _borders(geo))
    if prod(geo.strides) > 1 or not inside:
        return "transposed"
    if geo.elements == 1:
        return "flipped"
    depthwise = channels == 1 and geo.groups > 1 and geo.elements < 16
    large = channels >= 96 or geo.axes != 2 or depthwise
    return "flipped" if filters <= channels and large else "transposed"


def weight_form(geo: Geometry) -> WeightForm:
    """The gradient of the weight: see `nnspec.autodiff.conv_weight` and `conv_depthwise` for the forms.

    | N, C, size, M, kernel, stride | swapped | slices |
    |-------------------------------|--------:|-------:|
    | 64, 1, 28x28, 6, 5x5          |    0.82 |   0.80 |
    | 64, 6, 14x14, 16, 5x5         |    0.69 |   0.46 |
    | 16, 64, 32x32, 64, 3x3        |    19.8 |    7.9 |
    | 16, 512, 4x4, 512, 3x3        |    14.9 |    7.4 |
    | 16, 64, 32x32, 128, 3x3, 2    |     9.4 |    5.3 |
    | 16, 32, 32x32, 64, 4x4, 2     |     2.8 |    2.9 |
    | 16, 16, 32x32, 32, 7x7, 2     |     2.5 |    2.9 |
    | 2, 3, 224x224, 192, 16x16, 16 |    0.53 |   1.13 |
    | 4, 16, 16x16x16, 32, 3x3x3, 2 |    1.21 |   1.36 |

    | depthwise                     | swapped | sums | diagonals |
    |-------------------------------|--------:|-----:|----------:|
    | 16, 32, 32x32, 3x3            |     4.1 |  1.9 |       1.3 |
    | 16, 144, 16x16, 3x3, 2        |     1.6 |  1.9 |       0.8 |
    | 4, 32, 56x56, 3x3             |     3.1 |  1.4 |       1.4 |
    | 2, 32, 112x112, 3x3           |     5.9 |  2.7 |       3.9 |
    | 2, 96, 112x112, 3x3, 2        |     5.3 |  5.6 |       4.4 |
    | 4, 96, 14x14, 7x7             |     1.4 |  1.2 |       0.4 |
    | 16, 64, 256, 7                |    1.26 | 0.53 |      1.55 |

    One place is one product: 32, 64, 6x6, 128, 6x6 takes 0.11 as a whole, 0.18 swapped.
    """
    if geo.places == 1 and geo.groups == 1:
        return "whole"
    if geo.channels == geo.groups and geo.filters < 4 * geo.channels:
        reach = 20 * geo.kernel[-1] * geo.strides[-1]
        return "diagonals" if geo.inner[-1] <= reach else "sums"
    return "swapped" if prod(geo.strides) > 1 and geo.elements >= 16 else "slices"


def joined_axes(geo: Geometry) -> int:
    """Along how many of the last axes the elements of the kernel are channels of one product, by "slices".

    | N, C, size, M, kernel     |    0 |    1 |    2 |    3 |
    |---------------------------|-----:|-----:|-----:|-----:|
    | 64, 1, 28x28, 32, 3x3     | 3.05 | 1.26 | 0.67 |      |
    | 16, 3, 32x32, 64, 3x3     | 1.89 | 0.79 | 0.57 |      |
    | 16, 4, 32x32, 8, 3x3      | 0.51 | 0.30 | 0.32 |      |
    | 64, 6, 14x14, 16, 5x5     | 0.80 | 0.46 | 0.59 |      |
    | 8, 8, 64x64, 8, 3x3       | 1.29 | 0.98 | 1.40 |      |
    | 8, 16, 32x32, 16, 7x7     | 2.58 | 2.44 | 4.93 |      |
    | 8, 32, 32x32, 32, 3x3     | 1.35 | 1.44 | 2.11 |      |
    | 4, 1, 16x16x16, 16, 3x3x3 | 1.74 | 0.71 | 0.36 | 0.30 |
    """
    channels, joined = geo.channels // geo.groups, 0
    while joined < geo.axes and channels <= (10 if joined else 16):
        joined += 1
        channels *= geo.kernel[-joined]
    return joined


def image_by_image(geo: Geometry) -> bool:
    """Whether each image has a product of its own, by "slices", and all are added; or all images of a channel are one
    row, for which images and gradients change their order.

    | N, C, size, M, kernel   | by image | in rows |
    |-------------------------|---------:|--------:|
    | 16, 32, 16x16, 192, 1x1 |     0.28 |    0.36 |
    | 16, 384, 4x4, 96, 1x1   |     0.40 |    0.13 |
    | 16, 960, 2x2, 320, 1x1  |     3.09 |    0.33 |
    | 64, 1, 28x28, 32, 3x3   |     0.67 |    0.97 |
    | 16, 3, 32x32, 64, 3x3   |     0.57 |    0.75 |
    | 16, 64, 32x32, 64, 3x3  |     16.1 |    15.1 |
    | 16, 256, 8x8, 256, 3x3  |     8.0  |     7.2 |
    | 8, 32, 32x32, 32, 3x3   |     1.43 |    1.35 |
    """
    images = geo.channels * prod(geo.inner) + geo.filters * geo.places
    return images > 8 * geo.filters * (geo.channels // geo.groups) * geo.elements


def _borders(geo: Geometry) -> list[tuple[int, int, int]]:
    return list(zip(geo.begins, geo.ends, geo.extents, strict=True))
