"""`enamel journey …`: journeys from the terminal; one module for each word."""
