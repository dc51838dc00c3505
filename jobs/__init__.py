"""Jobs: what one step reads, does and writes, and the command line. Rules, formulas and model mathematics live elsewhere."""
