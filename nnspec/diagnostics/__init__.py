"""Places, findings, the error family, the catalogue of codes and their rendering."""
