"""One module per messenger, all of one shape: see ``base``."""
