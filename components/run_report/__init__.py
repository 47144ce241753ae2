"""The node RunReport: what a run did, as a page, a model card and metrics."""
