"""Files at paths and URLs: listed, fingerprinted, opened, restricted."""
