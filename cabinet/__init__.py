"""What the patient sees: tooth chart, treatment plan, promotions."""
