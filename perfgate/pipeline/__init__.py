"""The use cases, each a few steps over the layers below."""
