"""What is played on both sides: in this interpreter, and in that of a peer.

Nothing here imports anything but the standard library and its own siblings, and those by
relative imports: a peer's interpreter finds this package alone, under another name, and none of
ours. That is why one definition of a workload serves both.
"""
