"""Arabic: no comma before the year, and moments with the day first."""

DATE_FORMAT = "j F Y"
DATETIME_FORMAT = "j F Y، g:i A"
SHORT_DATETIME_FORMAT = "Y/m/d، g:i A"
