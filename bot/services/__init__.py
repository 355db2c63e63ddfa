"""Other people's systems: each behind one small module that keeps its own time limit."""
