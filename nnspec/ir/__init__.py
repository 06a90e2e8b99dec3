"""The validated specification, and what it is made of: dimensions, types, components."""
