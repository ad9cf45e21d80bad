"""What probe and collector share: the nouns, the wire, settings, logging, the command line."""

__version__ = "0.1.0"
