"""What is known of a patient's teeth, plans and promotions."""
