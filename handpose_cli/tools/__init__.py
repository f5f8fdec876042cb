"""How the bundled weights were made; not in the wheel."""
