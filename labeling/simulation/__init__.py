"""Raters who do not exist, with planted strengths and habits. Pure: no Django, no models."""
