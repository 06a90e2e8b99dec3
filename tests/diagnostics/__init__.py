"""Tests of findings, their catalogue and their rendering."""
