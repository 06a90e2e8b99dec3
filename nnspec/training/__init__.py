"""Losses, metrics, optimizers, schedules and regularizers, a file per kind. Importing a file fills its registry."""
