"""Files that staff hand in: the Ministry's list of risky codes, the card system's list of cards.

A file is received into the home, taken in behind everybody's back, and removed; who did that and
what came of it is in the audit. Knows no HTTP and no page.
"""
