"""Label, model, score, grade, reasons, limit, warnings and model card: numbers in, numbers out. No Spark, no paths."""

import os

# Before the training library loads: its threads spin while they wait for each other, which on a busy machine with as many
# threads as cores makes training six times slower (14,000 x 370, 100 rounds, 2 threads on 2 busy cores: 19.2 s against 3.0 s).
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
