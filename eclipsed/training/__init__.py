"""From a sentence to a direction. Importing this package is light; torch comes with its modules."""
