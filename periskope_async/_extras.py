"""How an extra is installed: as the README has it, from a clone of the repository. Imports nothing."""

__all__ = ["needs_extra"]


def needs_extra(name: str) -> str:
    """Return what to say of something that needs an extra which is not installed."""
    return f"needs the extra `{name}`: pip install '/path/to/clone[{name}]', a clone of periskope's repository"
