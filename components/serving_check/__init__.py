"""ServingCheck: does the export work without us, and is it the model that was trained?"""
