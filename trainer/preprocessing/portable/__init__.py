"""Programs in plain Python that are copied into a release; they import nothing of ours."""
