"""The words of ``hesbot``, a group in each module: they parse words and call one function."""
