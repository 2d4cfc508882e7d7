"""The commands of the terminal, one module per family; they hold no logic of their own."""
