"""What is sold, and its use."""
