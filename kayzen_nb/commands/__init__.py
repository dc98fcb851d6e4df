"""The commands of ``kayzen-nb``, a file for each subject; ``cli`` puts them together."""
