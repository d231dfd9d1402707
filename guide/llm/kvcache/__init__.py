"""The key-value cache of a language model: what it costs, what to keep of a prompt, and how to go on from that."""
