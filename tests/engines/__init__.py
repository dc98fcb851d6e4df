"""The same funnel in other engines."""
