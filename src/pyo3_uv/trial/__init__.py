"""Does it hold: a copy of the project, commands run in it, before and after compared."""
