"""Tile definitions: one module per tile, pure functions from DataFrames to DataFrames.

A tile is a small table per firm and day, month or snapshot that every indicator reads instead of raw records. Column
meanings are in `conf/catalogue/tile_columns.csv`; the functions here follow them name by name. Nothing here reads or
writes tables: `jobs/tiles.py` does.
"""
