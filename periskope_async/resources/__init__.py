"""What a person does: one file a resource, one method an operation."""

__all__: list[str] = []
