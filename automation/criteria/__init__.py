"""What can be asked of a patient: one object for each kind of leaf, in a file for each part of the clinic."""
