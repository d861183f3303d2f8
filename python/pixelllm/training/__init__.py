"""Training: losses, schedules, and the programs that use them."""
