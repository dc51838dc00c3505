"""The lake: which tables exist, how they are read and written, settings, errors and business time. Knows nothing of credit."""
