"""Convolutions over the axes behind the channels, and their transposes."""

from __future__ import annotations

from nnspec.layers.convolution import conv, depthwise, transpose

__all__ = ["conv", "depthwise", "transpose"]
