"""The backend that runs networks on the CPU."""
