"""An existing extension project becomes one of the template's, around the user's code."""
