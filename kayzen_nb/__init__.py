"""Track TV-ad phone calls from Ringba into Kayzen: set up, verify, show, schedule.

Start with the README, or with ``python3 -m kayzen_nb demo``. Nothing heavy is imported here: each
module is imported where it is used, so that commands and kernels start at once.
"""

__version__ = "0.1.0"
