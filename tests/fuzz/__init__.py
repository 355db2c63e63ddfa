"""What arrives from outside, made up by the million: nothing may raise, nothing may take long."""
