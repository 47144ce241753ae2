"""The most memory that this process has had since a moment, whatever earlier tests took.

What the allocator keeps of freed memory counts as taken before: a growth within that is not seen.
"""

from pathlib import Path

from schema.system.memory import high_water_bytes


def begin_peak() -> int:
    """Let the kernel's high-water mark begin anew; return the resident memory of now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """Return the most resident memory since `begin_peak`, in bytes."""
    measured = high_water_bytes()
    assert measured is not None
    return measured
