"""What you run: command line, server, worker, demo clinic."""
