"""What providers call: notices that are believed for their signature alone."""
