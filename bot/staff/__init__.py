"""Who works with the product: how they sign in, and what is done about them."""
