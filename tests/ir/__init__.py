"""Tests of nnspec.ir."""
