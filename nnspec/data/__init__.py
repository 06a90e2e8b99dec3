"""From files and arrays to the rows that a model learns from: sources, tables, datasets and batches."""
