"""Is this data like the data of the model that serves: what is compared, and what is said."""
