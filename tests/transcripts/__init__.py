"""Golden conversations: what people write, what they are told, and what is on record afterwards."""
