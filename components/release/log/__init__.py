"""The audit log: the truth about every release."""
