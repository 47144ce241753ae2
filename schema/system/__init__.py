"""Processes, logs, disks and files of the operating system."""
