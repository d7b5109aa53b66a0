"""What a journey is and what it decides: its words, its steps, the document, the checks before it is published."""
