"""What must be true of the data, and what happens when it is not: rules, gate, identity, contracts."""
