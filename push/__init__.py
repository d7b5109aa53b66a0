"""The channel: devices, the outbox and what delivers it."""
