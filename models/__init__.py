"""Label, model, score, grade, reasons, limit, warnings and model card: numbers in, numbers out. No Spark, no paths."""
