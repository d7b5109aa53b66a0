"""The demo clinic: a small named cast, a crowd around it, and the process that runs them all."""
