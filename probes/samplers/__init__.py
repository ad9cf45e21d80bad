"""One file per counter domain; each reads a source and yields readings. They do not know one another."""
