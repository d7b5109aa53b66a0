"""SMS over SMPP 3.4: a session with the operator's message center, for sending and for what comes back."""
