"""Django's PostgreSQL backend, whose check of a kept connection costs nothing."""
