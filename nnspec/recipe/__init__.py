"""What training is made of: losses, metrics, optimizers, schedules, regularizers, stops. Each is one class that
builds graphs or numbers."""
