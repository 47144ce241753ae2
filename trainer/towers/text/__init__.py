"""Text towers; each file registers one."""
