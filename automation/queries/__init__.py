"""What automation knows: who belongs to a segment, what is known of a patient, which journeys run."""
