"""Outside systems as the tests meet them: real HTTP on loopback, with memory and with bad days.

They know the platforms' published rules and nothing of this product.
"""
