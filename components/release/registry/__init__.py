"""The MLflow registry, which follows the audit log."""
