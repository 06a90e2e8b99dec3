"""A run as a page: `write_report` makes one self-contained HTML file from a run directory."""
