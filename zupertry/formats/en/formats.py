"""Dates and times: the day before the month in letters, and of which zone the time is."""

DATE_FORMAT = "j M Y"
DATETIME_FORMAT = "j M Y, H:i:s T"
