"""HTTP and sockets, and nothing else."""
