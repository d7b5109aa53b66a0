"""What is said: one thread for life between a patient and the clinic."""
