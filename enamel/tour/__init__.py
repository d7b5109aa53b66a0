"""One patient's story, walked over HTTP and the socket against a running demo, and told as it happens."""
