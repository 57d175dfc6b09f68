"""A real kytosd with the bridge."""
