"""The files of releases: manifests, folders, model config file."""
