"""The talk: what is asked, in which order, and what an answer means.

Everything here is a pure function of its arguments. No module of this package knows a messenger, a
database, a clock, a source of chance, or a sentence of the catalogues.
"""
