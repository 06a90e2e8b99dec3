"""Random changes of training rows, made ahead of the step: functions of seed, epoch and row."""
