"""The trainer: state, programs, the loop, runs."""
