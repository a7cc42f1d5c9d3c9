"""Everything that can go wrong: names, when it strikes, how it looks."""
