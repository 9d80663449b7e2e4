"""What is so: cargo, pyproject, interpreters, environments, git; each asked once, when needed."""
