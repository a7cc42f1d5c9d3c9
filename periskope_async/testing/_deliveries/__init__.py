"""What the fake posts to those who subscribed. It must not know how the fake answers."""
