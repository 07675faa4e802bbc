"""The instance: settings, addresses, processes."""
