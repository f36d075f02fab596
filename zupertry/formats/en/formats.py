"""How Django writes a moment where no template says otherwise, as on staff's pages: in UTC, which all our times are."""

DATETIME_FORMAT = r"j M Y, H:i:s \U\T\C"
