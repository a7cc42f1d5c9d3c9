"""What other tools load, each with an extra of its own; nothing inside imports it."""

__all__: list[str] = []
