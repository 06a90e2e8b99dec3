"""Layers of other frameworks that are written here as several: what to write instead."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec.ir.planned import plain

RECIPES: Mapping[str, tuple[str, ...]] = {
    "depthwise_conv2d(3) -> conv2d(16, 1) is one of 16 channels": ("SeparableConv2d", "depthwise_separable_conv"),
    "for [N, 4 * c, h, w]: reshape(c, 2, 2, h, w) -> transpose(0, 1, 4, 2, 5, 3) -> reshape(c, 2 * h, 2 * w)": (
        *("PixelShuffle", "depth_to_space"),
    ),
    "for [N, c, 2 * h, 2 * w]: reshape(c, h, 2, w, 2) -> transpose(0, 1, 3, 5, 2, 4) -> reshape(4 * c, h, w)": (
        *("PixelUnshuffle", "space_to_depth"),
    ),
    "reshape(groups, c // groups, h, w) -> transpose(0, 2, 1, 3, 4) -> reshape(c, h, w)": ("ChannelShuffle",),
    "x * (x -> global_avg_pool(keepdims = true) -> conv2d(c // 4, 1) -> relu -> conv2d(c, 1) -> sigmoid)": (
        *("squeeze_excite", "SqueezeExcitation", "SEBlock", "se_block", "SELayer"),
    ),
    "there is no such layer; group_norm and batch_norm are what networks use today": (
        *("LocalResponseNorm", "lrn", "CrossMapLRN2d"),
    ),
    "a pipeline is one: dense(64) -> relu -> dense(10)": ("Sequential",),
    "`repeat n { … }` writes layers one after the other": ("ModuleList",),
    "an input is declared: `input x: float32[N, 4]`": ("Input", "InputLayer", "placeholder"),
    "values are added as numbers are: x + h": ("Add",),
    "values are multiplied as numbers are: x * h": ("Multiply", "mul"),
    "values are subtracted as numbers are: x - h": ("Subtract",),
    "`@` multiplies matrices: x @ h": ("matmul", "bmm", "Dot"),
    "arithmetic is written as it is: x * x": ("Lambda",),
    "it is needed nowhere: dense works along the last axis of any shape": ("TimeDistributed",),
    "it is an option: lstm(32, bidirectional = true)": ("Bidirectional",),
    "`nnspec show` prints every layer with its shapes": ("print",),
}
"""The help, and the names that it is for."""


def recipe(name: str) -> str:
    """What to write for a layer that is several here; an empty text for none."""
    wanted = plain(name)
    return next((help for help, names in RECIPES.items() if wanted in map(plain, names)), "")


BESIDES: Mapping[str, tuple[str, ...]] = {
    ' To 7x7 means it is resize([7, 7], mode = "area")': (
        "AdaptiveAvgPool1d",
        "AdaptiveAvgPool2d",
        "AdaptiveAvgPool3d",
    ),
    " By numbers that are known it is rescale([1 / deviation, …], offset = [-mean / deviation, …])": (
        *("Normalize", "Normalization", "normalise"),
    ),
}
"""What a layer of the library that has another's name does not do, as the end of a help, and for which names."""


def besides(name: str) -> str:
    """The end of a help for a layer that is one of two here; an empty text for others."""
    wanted = plain(name)
    return next((help for help, names in BESIDES.items() if wanted in map(plain, names)), "")
