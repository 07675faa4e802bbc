"""Files to rows and back. Pure: no Django, no models, no transactions."""
