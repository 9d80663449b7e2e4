"""What is written: TOML, files, a patch. Nothing else writes into a project of the user."""
