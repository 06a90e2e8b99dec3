"""Estimators with scikit-learn's conventions. scikit-learn is used where it is installed, and not needed."""
