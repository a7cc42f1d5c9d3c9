"""What there is before anybody puts anything: made up, and the same on every run."""
