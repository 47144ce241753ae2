"""What several readers share: texts, metadata, kinds of files and limits."""
