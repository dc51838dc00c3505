"""What an indicator means and how it is computed: tiles, the catalogue and its engine, what Feast serves."""
