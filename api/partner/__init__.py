"""What a clinic's own system may ask."""
