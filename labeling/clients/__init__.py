"""LLM endpoints behind one protocol. No models, no transactions."""
