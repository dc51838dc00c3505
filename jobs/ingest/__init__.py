"""Bringing rows from source systems into staging: readers and clients, no Spark, no rules about what the rows must say."""
