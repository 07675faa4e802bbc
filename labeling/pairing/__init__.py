"""Which comparisons to make: pure rules from models, strengths and counts to shares of a budget."""
