"""Datasets of the catalog that Kedro does not have: encoders, indexes, optional tables, zipped JSON."""
