"""LLM judges: what one is asked, how its answer is read, and what several answers come to. Pure."""
