"""Schemas as plain data: one block of text per table, one line per column (`name type[!] meaning`; `!` = never null).

Standard library only, so that a DAG file may import the registry without pyspark.
"""
