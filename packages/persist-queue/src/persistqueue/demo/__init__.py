"""The demonstration: a text through a queue, with four processes that get killed.

``python -m persistqueue.demo [FILE] [--backend sqlite]``. Two producers put the lines of a text,
two consumers write what they get to files of their own. Some of each are ended by SIGKILL in the
middle of their work and started again. At the end the account is drawn up from the consumers' files alone.
"""
