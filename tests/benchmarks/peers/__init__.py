"""Bots as one would write them with other frameworks, each a program of its own, to be measured
beside ours: the same eight fields read by the same parsers, the same secrets checked.
"""
