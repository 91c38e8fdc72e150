"""The displays, one to a file."""
