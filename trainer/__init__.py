"""The two networks, their joint loss, and how they learn, are exported and served."""
