"""Image towers; each file registers one."""
