"""ServingCheck: the export works without this project, and is the model that was trained."""
