"""Tests of the way from text to syntax tree."""
