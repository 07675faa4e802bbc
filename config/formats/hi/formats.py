"""Hindi: Django's own moments put the month first, as nobody there does."""

DATETIME_FORMAT = "j F Y, g:i A"
SHORT_DATETIME_FORMAT = "d-m-Y, g:i A"
