"""What runs a network: one backend for each kind of device."""
