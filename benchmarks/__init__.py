"""The speed of lin_utils beside PyTorch, JAX and python-control: `make bench`."""
