"""The NApp kytos/settings for kytosd."""
